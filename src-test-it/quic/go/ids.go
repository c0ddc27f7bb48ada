package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"flag"
	"fmt"

	"github.com/quic-go/quic-go"
)

// A connection id of QUIC version 1 has 20 bytes, and one is the codepoint and the length.
const longest = 19

// ids makes connection ids that name a server, as draft-ietf-quic-load-balancers-21 has them.
type ids struct {
	codepoint byte
	serverID  []byte
	nonce     int
	key       cipher.Block // nil: ids are plain
}

func idFlags(flags *flag.FlagSet) func() (*ids, error) {
	serverID := flags.String("server-id", "", "the server id, in hexadecimal")
	codepoint := flags.Int("codepoint", 0, "the ids' upper three bits")
	nonce := flags.Int("nonce-length", 4, "bytes of the nonce")
	key := flags.String("cid-key", "", "if ids are encrypted: 16 bytes in hexadecimal")
	return func() (*ids, error) {
		id, err := hex.DecodeString(*serverID)
		if err != nil || len(id) == 0 {
			return nil, fmt.Errorf("%w: --server-id is no hexadecimal", errUsage)
		}
		if *codepoint < 0 || *codepoint > 7 {
			return nil, fmt.Errorf("%w: --codepoint has three bits", errUsage)
		}
		if *nonce < 4 || len(id)+*nonce > longest {
			return nil, fmt.Errorf("%w: a nonce has 4 bytes or more, and the server id and it at most %d", errUsage, longest)
		}
		made := &ids{codepoint: byte(*codepoint), serverID: id, nonce: *nonce}
		if *key == "" {
			return made, nil
		}
		if len(id)+*nonce != aes.BlockSize {
			return nil, fmt.Errorf("%w: encrypted ids have server id and nonce of 16 bytes together here", errUsage)
		}
		secret, err := hex.DecodeString(*key)
		if err != nil || len(secret) != aes.BlockSize { // or it would be AES-192 or AES-256
			return nil, fmt.Errorf("%w: --cid-key is no hexadecimal of 16 bytes", errUsage)
		}
		made.key, err = aes.NewCipher(secret)
		return made, err
	}
}

func (i *ids) ConnectionIDLen() int { return 1 + len(i.serverID) + i.nonce }

// A nonce must not come twice under a key; this many random bytes do not for as long as a test runs.
func (i *ids) GenerateConnectionID() (quic.ConnectionID, error) {
	length := len(i.serverID) + i.nonce
	id := make([]byte, 1+length)
	id[0] = i.codepoint<<5 | byte(length)
	copy(id[1:], i.serverID)
	if _, err := rand.Read(id[1+len(i.serverID):]); err != nil {
		return quic.ConnectionID{}, err
	}
	if i.key != nil {
		i.key.Encrypt(id[1:], id[1:])
	}
	return quic.ConnectionIDFromBytes(id), nil
}
