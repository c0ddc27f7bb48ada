// Command quic-go is a QUIC server whose connection ids name it, or many clients that download from such servers and check
// every byte. The program in ../rust does the same with another QUIC stack; either is the other's server or client.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

const (
	serverName  = "bolina.test"
	protocol    = "bolina"
	idleTimeout = 15 * time.Second
	// quic-go's own limits are half as long, and a connection is lost no sooner than its client gives up.
	connectTimeout = 10 * time.Second
)

var errUsage = errors.New("wrong command line")

func main() {
	if len(os.Args) < 2 {
		usage("certificate, server or client?")
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	var run func() error
	switch os.Args[1] {
	case "certificate":
		folder := flags.String("folder", ".", "where cert.pem and key.pem are written")
		run = func() error { return certificate(*folder) }
	case "server":
		run = server(flags)
	case "client":
		run = client(flags)
	default:
		usage("no such command: " + os.Args[1])
	}
	_ = flags.Parse(os.Args[2:]) // ends the program itself
	if flags.NArg() > 0 {
		usage("no option: " + flags.Arg(0))
	}
	switch err := run(); {
	case errors.Is(err, errUsage):
		usage(err.Error())
	case err != nil:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func usage(wrong string) {
	fmt.Fprintln(os.Stderr, "error:", wrong)
	os.Exit(2)
}

func certificate(folder string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: serverName},
		DNSNames:              []string{serverName},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: cert},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func serverTLS(cert, key string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	return &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{protocol}}, err
}

func clientTLS(cert string) (*tls.Config, error) {
	text, err := os.ReadFile(cert)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s is no certificate", cert)
	}
	return &tls.Config{RootCAs: roots, ServerName: serverName, NextProtos: []string{protocol}}, nil
}

// content is what a download consists of: a function of its seed, so that the client can check every byte.
type content struct {
	state uint64
	word  [8]byte
	left  int
}

// The seed is not 0, of which nothing but zeros would come.
func contentOf(seed uint64) *content { return &content{state: seed} }

func (c *content) fill(into []byte) {
	for i := range into {
		if c.left == 0 {
			c.state ^= c.state >> 12
			c.state ^= c.state << 25
			c.state ^= c.state >> 27
			value := c.state * 2685821657736338717
			for b := range c.word {
				c.word[b] = byte(value >> (8 * b))
			}
			c.left = len(c.word)
		}
		into[i] = c.word[len(c.word)-c.left]
		c.left--
	}
}
