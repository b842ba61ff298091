package archtest

import (
	"path"
	"slices"
	"strings"
)

// module is the path that the repository's own imports start with.
const module = "github.com/tidemill/tidemill"

// maxLines is the longest that a file may be.
const maxLines = 400

// programHeight is the height of programs and of the tests on real systems.
// They see what users see: public packages only.
const programHeight = 8

// heights of the folders, by path below the module; "." is the root package. A
// folder below a listed one has the same height.
var heights = map[string]int{
	"record":                   0,
	"internal/nfa":             0,
	"internal/letters":         0,
	"internal/pglock":          0,
	"internal/scan":            0, // reads topics for those who look from outside
	"serde":                    0,
	"status":                   0,
	"state":                    1,
	"health":                   1,
	"metrics":                  1,
	"metrics/otelmetrics":      2,
	"query":                    1,
	"window":                   1,
	"processors":               2,
	"connectors":               2,
	"connectors/redis/bridge":  7, // runs a worker
	"connectors/connectortest": 7, // runs workers
	"topology":                 3,
	"internal/task":            4,
	"sagas":                    4,
	"events":                   4,
	"events/upcast":            3, // knows payloads only
	"cqrs":                     5, // speaks in events
	"cep":                      4,
	"internal/runtime":         5,
	"admin":                    5,
	".":                        6,
	"upkeep":                   6, // works on topics and groups from outside
	"embedded":                 6,
	"topologytest":             7,
	"examples":                 programHeight,
	"integration":              programHeight,
	"bench":                    programHeight,
	"cmd":                      programHeight,
}

// tools are folders outside of the heights: they import nothing of the module
// and nothing imports them.
var tools = []string{"internal/archtest"}

// home says which folders, and what is below them, may import a third-party
// module or package. kits adds the test kits, tests the test files of those
// folders, allTests all test files.
type home struct {
	imports  string
	folders  []string
	kits     bool
	tests    []string
	allTests bool
}

var homes = []home{
	// The root facade takes the user's kgo.Opt and hands it on. The examples stand
	// for users' programs, which feed topics with a client of their own.
	{imports: "github.com/twmb/franz-go/pkg/kgo", folders: []string{"."}},
	{
		imports: "github.com/twmb/franz-go",
		folders: []string{"internal/runtime", "internal/scan", "connectors/secure", "events/request", "sagas/console", "upkeep", "cmd", "serde/registry", "connectors/ingest", "connectors/redis/bridge", "embedded", "examples", "integration", "bench"},
		kits:    true,
		tests:   []string{"."},
	},
	{imports: "go.uber.org/goleak", kits: true, allTests: true},
	{imports: "github.com/cockroachdb/pebble", folders: []string{"state/pebble"}},
	{imports: "github.com/tidwall/btree", folders: []string{"state"}},
	{imports: "github.com/google/uuid", folders: []string{"serde"}},
	{imports: "github.com/go-playground/validator", folders: []string{"cqrs"}},
	{imports: "github.com/spf13/cobra", folders: []string{"cmd"}},
	{imports: "github.com/linkedin/goavro", folders: []string{"serde/avro"}},
	{imports: "github.com/twmb/avro", folders: []string{"serde/avro"}, kits: true},
	{imports: "github.com/santhosh-tekuri/jsonschema", folders: []string{"serde/jsonschema"}},
	{imports: "google.golang.org/protobuf", folders: []string{"serde/protobuf"}, tests: []string{"serde/registry"}},
	{imports: "github.com/redis/go-redis", folders: []string{"connectors/redis", "examples", "integration", "bench"}},
	{imports: "github.com/alicebob/miniredis", folders: []string{"examples"}, tests: []string{"connectors/redis", "bench"}},
	{imports: "go.yaml.in/yaml", folders: []string{"connectors/redis/bridge"}},
	{imports: "github.com/jackc/pgx", folders: []string{"internal/pglock", "connectors/postgres", "cqrs/postgres", "examples/32-postgres", "integration"}},
	{imports: "github.com/prometheus", folders: []string{"metrics", "examples", "bench"}},
	{imports: "go.opentelemetry.io/otel", folders: []string{"metrics/otelmetrics", "internal/runtime"}, tests: []string{"."}},
	{imports: "go.opentelemetry.io/otel/trace", folders: []string{"."}},
	{imports: "github.com/chromedp", folders: []string{"integration"}},
	{imports: "github.com/testcontainers/testcontainers-go", folders: []string{"integration"}},
	{imports: "github.com/moby/moby", folders: []string{"integration"}},
	{imports: "github.com/docker/go-connections", folders: []string{"integration"}},
}

// effectHomes are the folders that may start goroutines, read the clock, draw
// random numbers and use the network. So may the test kits and all test files.
var effectHomes = []string{
	"internal/runtime", "internal/scan", "admin", "events/request", "connectors/*", "state/pebble", "embedded", "examples", "bench", "integration", "cmd",
}

// badNames say nothing about what a package does.
var badNames = []string{"util", "common", "base", "types", "helpers", "models"}

// clockCalls are the functions of package time that read or wait for the clock.
var clockCalls = []string{
	"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer",
}

// effectful reports whether importing a package of the standard library means
// randomness or network I/O.
func effectful(imported string) bool {
	if imported == "net/url" || imported == "net/netip" {
		return false
	}
	return under(imported, "net") || under(imported, "math/rand") || imported == "crypto/rand"
}

// under reports whether dir is folder or lies below it. A last element of * in
// folder stands for any one folder, but not for none.
func under(dir, folder string) bool {
	if parent, ok := strings.CutSuffix(folder, "/*"); ok {
		return strings.HasPrefix(dir, parent+"/")
	}
	return dir == folder || strings.HasPrefix(dir, folder+"/")
}

// underAny reports whether dir lies at or below one of the folders.
func underAny(dir string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return under(dir, f) })
}

// height of a folder; ok is false if it has none.
func height(dir string) (h int, ok bool) {
	for d := dir; ; d = path.Dir(d) {
		if h, ok := heights[d]; ok && (d != "." || dir == ".") {
			return h, true
		}
		if d == "." {
			return 0, false
		}
	}
}

// isKit reports whether dir is a test kit: a package for tests, which may import
// testing in files that are none.
func isKit(dir string) bool { return strings.HasSuffix(path.Base(dir), "test") }
