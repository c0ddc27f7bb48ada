package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/quic-go/quic-go"
)

// One connection, which downloads one thing after the other.
type download struct {
	index      int
	mu         sync.Mutex
	connection *quic.Conn
	socket     *net.UDPConn
	server     string
	failure    error
	completed  atomic.Int64
	received   atomic.Int64
}

type clients struct {
	tls       *tls.Config
	bind      string
	size      int
	mu        sync.Mutex
	downloads []*download
}

type status struct {
	Connected int      `json:"connected"`
	Lost      int      `json:"lost"`
	Completed int64    `json:"completed"`
	Bytes     int64    `json:"bytes"`
	Servers   []string `json:"servers"`
	Errors    []string `json:"errors"`
	Progress  []int64  `json:"progress"`
	Received  []int64  `json:"received"`
}

func client(flags *flag.FlagSet) func() error {
	connect := flags.String("connect", "", "addresses, one for each connection, with commas between")
	cert := flags.String("certificate", "cert.pem", "the certificate of all servers")
	bind := flags.String("bind", "127.0.0.1", "where clients send from")
	size := flags.Int("downloads", 20_000, "bytes of a download")
	return func() error {
		if *connect == "" || net.ParseIP(*bind) == nil || *size < 0 {
			return fmt.Errorf("%w: --connect is needed, --bind is an IP, and --downloads a number of bytes", errUsage)
		}
		tlsConfig, err := clientTLS(*cert)
		if err != nil {
			return err
		}
		all := &clients{tls: tlsConfig, bind: *bind, size: *size}
		for _, address := range strings.Split(*connect, ",") {
			all.connect(address)
		}
		defer all.close()
		return all.obey(os.Stdin)
	}
}

// obey answers each command with one line.
func (c *clients) obey(commands io.Reader) error {
	lines := bufio.NewScanner(commands)
	for lines.Scan() {
		command, argument, _ := strings.Cut(lines.Text(), " ")
		switch command {
		case "status":
			text, err := json.Marshal(c.status())
			if err != nil {
				return err
			}
			fmt.Printf("status %s\n", text)
		case "rebind":
			fmt.Println("rebound", c.rebind())
		case "connect":
			fmt.Println("connecting", c.connect(argument))
		case "quit":
			c.close()
			fmt.Println("bye")
			return nil
		default:
			return errors.New("no such command: " + command)
		}
	}
	return lines.Err()
}

func (c *clients) connect(address string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := &download{index: len(c.downloads)}
	c.downloads = append(c.downloads, one)
	go func() {
		err := c.run(one, address)
		one.mu.Lock()
		one.failure = err
		one.mu.Unlock()
	}()
	return one.index
}

func (c *clients) run(one *download, address string) error {
	transport, socket, err := c.transport()
	if err != nil {
		return err
	}
	to, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	connection, err := transport.Dial(within, to, c.tls, &quic.Config{
		MaxIdleTimeout: idleTimeout, HandshakeIdleTimeout: connectTimeout, KeepAlivePeriod: time.Second})
	if err != nil {
		return err
	}
	one.mu.Lock()
	one.connection, one.socket = connection, socket
	one.mu.Unlock()
	for seed := uint64(one.index)<<32 + 1; ; seed++ { // no two downloads are alike
		if err := one.get(connection, c.size, seed); err != nil {
			return err
		}
		one.completed.Add(1)
	}
}

func (c *clients) transport() (*quic.Transport, *net.UDPConn, error) {
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(c.bind)})
	return &quic.Transport{Conn: socket}, socket, err
}

// close tells the servers, which would otherwise serve on until their connections are idle.
func (c *clients) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	var wait sync.WaitGroup
	for _, one := range c.downloads {
		one.mu.Lock()
		connection := one.connection
		one.mu.Unlock()
		if connection != nil {
			wait.Go(func() { _ = connection.CloseWithError(0, "") })
		}
	}
	wait.Wait()
}

func (d *download) get(connection *quic.Conn, size int, seed uint64) error {
	stream, err := connection.OpenStreamSync(context.Background())
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(stream, "GET %d %d\n", size, seed); err != nil {
		return err
	}
	if err := stream.Close(); err != nil {
		return err
	}
	in := bufio.NewReader(stream)
	line, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	if err := d.answeredBy(strings.TrimSpace(strings.TrimPrefix(line, "SERVER "))); err != nil {
		return err
	}
	want, got := make([]byte, 4096), make([]byte, 4096)
	content := contentOf(seed)
	for left := size; left > 0; {
		n, err := in.Read(got[:min(len(got), left)])
		if err != nil {
			return err
		}
		content.fill(want[:n])
		if !bytes.Equal(want[:n], got[:n]) {
			return errors.New("wrong bytes")
		}
		left -= n
		d.received.Add(int64(n))
	}
	if n, err := in.Read(got); n != 0 || err != io.EOF {
		return fmt.Errorf("%d bytes too many, %v", n, err)
	}
	return nil
}

func (d *download) answeredBy(server string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.server != "" && d.server != server {
		fmt.Fprintln(os.Stderr, "changed", d.index) // standard output has nothing but answers
		return fmt.Errorf("changed from %s to %s", d.server, server)
	}
	d.server = server
	return nil
}

func (c *clients) status() status {
	c.mu.Lock()
	defer c.mu.Unlock()
	said := status{Servers: []string{}, Errors: []string{}, Progress: []int64{}, Received: []int64{}}
	seen := map[string]bool{}
	for _, one := range c.downloads {
		one.mu.Lock()
		switch {
		case one.failure != nil:
			said.Lost++
			if text := one.failure.Error(); !seen[text] && len(said.Errors) < 5 {
				seen[text] = true
				said.Errors = append(said.Errors, text)
			}
		case one.connection != nil:
			said.Connected++
		}
		said.Servers = append(said.Servers, one.server)
		one.mu.Unlock()
		said.Progress = append(said.Progress, one.completed.Load())
		said.Received = append(said.Received, one.received.Load())
		said.Completed += one.completed.Load()
		said.Bytes += one.received.Load()
	}
	return said
}

// rebind moves every connection to a socket of its own making, as a client does that knows of its new address.
func (c *clients) rebind() int {
	c.mu.Lock()
	downloads := append([]*download{}, c.downloads...)
	c.mu.Unlock()
	var moved atomic.Int64
	var wait sync.WaitGroup
	for _, one := range downloads {
		wait.Go(func() {
			if err := c.move(one); err != nil {
				fmt.Fprintln(os.Stderr, "not rebound:", one.index, err)
				return
			}
			moved.Add(1)
		})
	}
	wait.Wait()
	return int(moved.Load())
}

func (c *clients) move(one *download) error {
	one.mu.Lock()
	connection, old, failure := one.connection, one.socket, one.failure
	one.mu.Unlock()
	if connection == nil || failure != nil {
		return errors.New("not connected")
	}
	transport, socket, err := c.transport()
	if err != nil {
		return err
	}
	path, err := connection.AddPath(transport)
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeout(connection.Context(), connectTimeout)
	defer cancel()
	if err := path.Probe(within); err != nil {
		return err
	}
	if err := path.Switch(); err != nil {
		return err
	}
	one.mu.Lock()
	one.socket = socket
	one.mu.Unlock()
	return deafen(old)
}

// deafen is for the socket that a connection moved away from: quic-go ends a connection with any of the transports that it
// ever had, so the socket cannot be closed; but if it still heard, nobody would notice a server that goes on sending there.
// A connected socket hears but its peer, here itself, and whoever else sends to it learns that nobody is there.
func deafen(socket *net.UDPConn) error {
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	self := socket.LocalAddr().(*net.UDPAddr).AddrPort()
	var peer syscall.Sockaddr = &syscall.SockaddrInet6{Port: int(self.Port()), Addr: self.Addr().As16()}
	if self.Addr().Unmap().Is4() {
		peer = &syscall.SockaddrInet4{Port: int(self.Port()), Addr: self.Addr().Unmap().As4()}
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = syscall.Connect(int(fd), peer) }); err != nil {
		return err
	}
	return failed
}
