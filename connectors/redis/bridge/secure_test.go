package bridge_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/connectors/redis/bridge"
)

// certificate makes a certificate for 127.0.0.1, which is its own authority, and files of
// it and of its key.
func certificate(t *testing.T) (certificate tls.Certificate, cert, key string) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	s.Close()
	certificate = s.TLS.Certificates[0]
	private, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return certificate, write("cert.pem", "CERTIFICATE", certificate.Certificate[0]), write("key.pem", "PRIVATE KEY", private)
}

// TestServersWithAnAuthorityOfTheirOwn has both servers ask for certificates.
func TestServersWithAnAuthorityOfTheirOwn(t *testing.T) {
	own, cert, key := certificate(t)
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{own}, ClientAuth: tls.RequireAnyClientCert}
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "in"), kfake.TLS(config))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	server, err := miniredis.RunTLS(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	c, err := bridge.Parse(strings.NewReader(strings.NewReplacer("BROKER", broker.ListenAddrs()[0], "REDIS", server.Addr(), "CERT", cert, "KEY", key).Replace(`
application: test
kafka: {brokers: [BROKER], tls: true, ca: CERT, cert: CERT, key: KEY}
redis: {url: "rediss://REDIS", ca: CERT, cert: CERT, key: KEY}
routes: [{topic: in, to: string, key: "s:{key}"}]
`)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- bridge.Run(ctx, c) }()
	authorities := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(own.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	authorities.AddCert(leaf)
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.DialTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities, Certificates: config.Certificates}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.ProduceSync(ctx, &kgo.Record{Topic: "in", Key: []byte("a"), Value: []byte("1")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	await(t, "the string is there", func() bool { got, _ := server.Get("s:a"); return got == "1" })
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
