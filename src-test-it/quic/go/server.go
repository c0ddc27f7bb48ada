package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/quic-go/quic-go"
)

func server(flags *flag.FlagSet) func() error {
	listen := flags.String("listen", "127.0.0.1:0", "where to listen")
	cert := flags.String("certificate", "cert.pem", "the certificate")
	key := flags.String("key", "key.pem", "its key")
	rate := flags.Int("rate", 100_000, "bytes per second of a download, about")
	made := idFlags(flags)
	return func() error {
		ids, err := made()
		if err != nil {
			return err
		}
		tlsConfig, err := serverTLS(*cert, *key)
		if err != nil {
			return err
		}
		address, err := net.ResolveUDPAddr("udp", *listen)
		if err != nil {
			return err
		}
		socket, err := net.ListenUDP("udp", address)
		if err != nil {
			return err
		}
		transport := &quic.Transport{Conn: socket, ConnectionIDGenerator: ids}
		listener, err := transport.Listen(tlsConfig, &quic.Config{
			MaxIdleTimeout: idleTimeout, HandshakeIdleTimeout: connectTimeout})
		if err != nil {
			return err
		}
		fmt.Println("listening", socket.LocalAddr())
		for {
			connection, err := listener.Accept(context.Background())
			if err != nil {
				return err
			}
			go serve(connection, hex.EncodeToString(ids.serverID), *rate)
		}
	}
}

func serve(connection *quic.Conn, name string, rate int) {
	for {
		stream, err := connection.AcceptStream(context.Background())
		if err != nil {
			return
		}
		go func() {
			err := answer(stream, name, rate)
			if quit, ok := errors.AsType[*quic.ApplicationError](err); ok && quit.Remote && quit.ErrorCode == 0 {
				return // the client's own wish, in the middle of a download as always
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, connection.RemoteAddr(), err)
				stream.CancelWrite(1)
			}
		}()
	}
}

// answer sends a download piece by piece, so that whatever happens to the connection happens in the middle of one.
func answer(stream *quic.Stream, name string, rate int) error {
	line, err := bufio.NewReader(stream).ReadString('\n')
	if err != nil {
		return err
	}
	var size int
	var seed uint64
	if _, err := fmt.Sscanf(line, "GET %d %d\n", &size, &seed); err != nil {
		return err
	}
	if seed == 0 {
		return errors.New("a seed of 0")
	}
	if _, err := fmt.Fprintf(stream, "SERVER %s\n", name); err != nil {
		return err
	}
	const pause = 40 * time.Millisecond
	piece := make([]byte, max(1, rate*int(pause/time.Millisecond)/1000))
	content := contentOf(seed)
	for size > 0 {
		piece = piece[:min(len(piece), size)]
		content.fill(piece)
		if _, err := stream.Write(piece); err != nil {
			return err
		}
		size -= len(piece)
		time.Sleep(pause)
	}
	return stream.Close()
}
