//go:build integration

package integration

import (
	"io"
	"net"
	"sync"
	"testing"
)

// gate stands before a server and can be shut, which breaks all connections and lets no
// new ones through.
type gate struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	shut  bool
	conns map[net.Conn]bool
}

func newGate(t *testing.T, to string) *gate {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{listener: listener, to: to, conns: map[net.Conn]bool{}}
	go g.serve()
	t.Cleanup(func() {
		_ = listener.Close()
		g.close()
	})
	return g
}

func (g *gate) addr() string { return g.listener.Addr().String() }

func (g *gate) serve() {
	for {
		in, err := g.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", g.to)
		if err != nil || !g.admit(in, out) {
			_ = in.Close()
			continue
		}
		go g.pass(in, out)
		go g.pass(out, in)
	}
}

func (g *gate) admit(both ...net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range both {
		if g.shut {
			_ = c.Close()
			continue
		}
		g.conns[c] = true
	}
	return !g.shut
}

func (g *gate) pass(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_, _ = to.Close(), from.Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, to)
	delete(g.conns, from)
}

// close breaks all connections and shuts the gate; open opens it again.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	for c := range g.conns {
		_ = c.Close()
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = false
}
