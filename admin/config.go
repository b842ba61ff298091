package admin

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// Config is how to serve.
type Config struct {
	addr      string
	token     string
	advertise string
	hosts     []string
}

// Option is an option of the admin address.
type Option func(*Config)

// Token is what requests have to show. Choose a long random text, the same for all
// workers of the application.
func Token(token string) Option { return func(c *Config) { c.token = token } }

// Advertise is the host:port by which other workers reach this admin address, to pass
// queries on; by default it is made of the address, or of the machine's name if that is
// 0.0.0.0.
func Advertise(addr string) Option { return func(c *Config) { c.advertise = addr } }

// Hosts are more names that the admin address goes by, such as that of a proxy before it.
func Hosts(names ...string) Option {
	return func(c *Config) { c.hosts = append(c.hosts, names...) }
}

// NewConfig makes the configuration of an admin address: host:port, or only a port for
// this machine alone.
func NewConfig(addr string, options ...Option) *Config {
	if !strings.Contains(addr, ":") {
		addr = ":" + addr
	}
	if strings.HasPrefix(addr, ":") {
		addr = "127.0.0.1" + addr
	}
	c := &Config{addr: addr}
	for _, o := range options {
		o(c)
	}
	return c
}

// leastToken is how short a token may be.
const leastToken = 16

// Validate reports what is wrong with the configuration; nil is none, which is right.
func (c *Config) Validate() error {
	if c == nil {
		return nil
	}
	host, port, err := net.SplitHostPort(c.addr)
	if err != nil {
		return fmt.Errorf("admin address %q: %w: give host:port, or a port", c.addr, err)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("admin address %q: the port is none: give a number up to 65535", c.addr)
	}
	var faults []error
	if !loopback(host) && c.token == "" {
		faults = append(faults, fmt.Errorf("admin address %q is reachable from other machines: give it an admin.Token, or use 127.0.0.1", c.addr))
	}
	if c.token != "" && len(c.token) < leastToken {
		faults = append(faults, fmt.Errorf("the admin token has %d characters: give it at least %d, by chance", len(c.token), leastToken))
	}
	if c.advertise != "" {
		if _, _, err := net.SplitHostPort(c.advertise); err != nil {
			faults = append(faults, fmt.Errorf("advertised admin address: %w: give host:port", err))
		}
	}
	return errors.Join(faults...)
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// advertised is where others reach a listener.
func (c *Config) advertised(listening net.Addr) string {
	if c.advertise != "" {
		return c.advertise
	}
	host, _, _ := net.SplitHostPort(c.addr)
	_, port, _ := net.SplitHostPort(listening.String())
	if addr, err := netip.ParseAddr(host); err == nil && addr.IsUnspecified() {
		if name, err := os.Hostname(); err == nil {
			host = name
		}
	}
	return net.JoinHostPort(host, port)
}
