package embedded_test

import (
	"os"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/embedded"
	"github.com/tidemill/tidemill/embedded/brokertest"
)

func start(t *testing.T, opts ...embedded.Option) *embedded.Broker {
	t.Helper()
	b, err := embedded.Start(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// The same checks run on Apache Kafka in integration/kafkatest.
func TestBrokerDoesWhatExactlyOnceNeeds(t *testing.T) {
	brokertest.Run(t, start(t).Addrs())
}

func TestBrokerWithAFolderDoesToo(t *testing.T) {
	brokertest.Run(t, start(t, embedded.Folder(t.TempDir())).Addrs())
}

// The differences are what docs/embedded-broker.md says they are. The other side
// of each is checked in integration/kafkatest.
func TestDifferencesAreAsDocumented(t *testing.T) {
	document, err := os.ReadFile("../docs/embedded-broker.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range brokertest.Differences() {
		t.Run(d.Name, func(t *testing.T) {
			if found := d.Find(t, start(t).Addrs()); found != d.Embedded {
				t.Errorf("found %q, want %q", found, d.Embedded)
			}
			row := "| " + d.Name + " | " + d.Embedded + " | " + d.Kafka + " |"
			if !strings.Contains(string(document), row) {
				t.Errorf("docs/embedded-broker.md lacks the row %q", row)
			}
		})
	}
}
