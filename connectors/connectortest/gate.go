package connectortest

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// Gate is what connections to a target are dialed through, so that a test can cut them
// or have them be slow. The zero Gate is open. It is safe for concurrent use.
type Gate struct {
	mu    sync.Mutex
	shut  bool
	delay time.Duration
	open  map[net.Conn]bool
}

// Dial dials as net.Dial does, unless the gate is shut.
func (g *Gate) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if g.state() {
		return nil, errors.New("gate: the connection is refused")
	}
	inner, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == nil {
		g.open = map[net.Conn]bool{}
	}
	g.open[inner] = true
	return &gated{Conn: inner, gate: g}, nil
}

// Shut cuts all connections and refuses others until restore is called.
func (g *Gate) Shut() (restore func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	for c := range g.open {
		_ = c.Close()
	}
	clear(g.open)
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.shut = false
	}
}

// Slow has every answer come this much later until restore is called.
func (g *Gate) Slow(delay time.Duration) (restore func()) {
	set := func(d time.Duration) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.delay = d
	}
	set(delay)
	return func() { set(0) }
}

func (g *Gate) state() (shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut
}

func (g *Gate) wait() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.delay
}

// gated is a connection through a gate.
type gated struct {
	net.Conn
	gate     *Gate
	deadline time.Time
}

// Read waits as long as the gate says, but not beyond the deadline.
func (c *gated) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	delay := c.gate.wait()
	if delay == 0 || err != nil {
		return n, err
	}
	if left := time.Until(c.deadline); !c.deadline.IsZero() && left < delay {
		<-time.After(left)
		return 0, timeoutError{}
	}
	<-time.After(delay)
	return n, nil
}

func (c *gated) SetDeadline(t time.Time) error {
	c.deadline = t
	return c.Conn.SetDeadline(t)
}

func (c *gated) SetReadDeadline(t time.Time) error {
	c.deadline = t
	return c.Conn.SetReadDeadline(t)
}

func (c *gated) Close() error {
	c.gate.mu.Lock()
	delete(c.gate.open, c.Conn)
	c.gate.mu.Unlock()
	return c.Conn.Close()
}

type timeoutError struct{}

func (timeoutError) Error() string   { return "gate: the answer comes too late" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }
