package archtest

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// The repository keeps its own rules.
func TestRepositoryKeepsTheImportRule(t *testing.T) {
	files, faults, err := load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("found %d files only: is this the root of the module?", len(files))
	}
	for _, fault := range append(faults, check(files)...) {
		t.Error(fault)
	}
}

// goFile is a file of package p with the given imports.
func goFile(imports ...string) string {
	var b strings.Builder
	b.WriteString("package p\n")
	for _, i := range imports {
		b.WriteString("import _ \"" + i + "\"\n")
	}
	return b.String()
}

func TestCheckReports(t *testing.T) {
	const franz, own = "github.com/twmb/franz-go/pkg/", module + "/"
	for _, test := range []struct {
		name, file, source string
		want               string // part of the only fault; "" for none
	}{
		{"an import that points down is fine", "topology/a.go", goFile(own+"record", own+"processors"), ""},
		{"an import that points up", "topology/a.go", goFile(own + "internal/task"), "topology/a.go:2: topology (height 3) imports internal/task (height 4)"},
		{"an import of the same height", "window/a.go", goFile(own + "state"), "imports point strictly down"},
		{"an import of the facade", "sagas/a.go", goFile(module), "sagas (height 4) imports . (height 6)"},
		{"a backend sees its contract", "state/pebble/a.go", goFile(own + "state"), ""},
		{"a contract does not see its backend", "state/a.go", goFile(own + "state/pebble"), "state (height 1) imports state/pebble"},
		{"backends do not see each other", "state/pebble/a.go", goFile(own + "state/memory"), "state/pebble (height 1) imports state/memory"},
		{"a serde below serde sees records", "serde/avro/a.go", goFile(own+"serde", own+"record"), ""},
		{"serde itself does not", "serde/a.go", goFile(own + "record"), "serde (height 0) imports record"},
		{"a test looks up", "topology/a_test.go", goFile(own + "topologytest"), ""},
		{"a test does not import programs", "topology/a_test.go", goFile(own + "examples/wordcount"), "imports examples/wordcount"},
		{"an example uses the public packages", "examples/a/a.go", goFile(module, own+"embedded", own+"topology"), ""},
		{"an example does not use internal ones", "examples/a/a.go", goFile(own + "internal/task"), "public packages only"},
		{"an integration test neither", "integration/a_test.go", goFile(own + "internal/runtime"), "public packages only"},
		{"an integration test uses its kit", "integration/a_test.go", goFile(own + "integration/kafkatest"), ""},
		{"so does the benchmark", "bench/a.go", goFile(own + "integration/kafkatest"), ""},
		{"but an example does not use another", "examples/a/a.go", goFile(own + "bench"), "imports bench"},
		{"a folder without a height", "stuff/a.go", goFile(), "folder stuff has no height"},
		{"an unknown internal folder", "internal/stuff/a.go", goFile(), "folder internal/stuff has no height"},
		{"an import of an unknown folder", "topology/a.go", goFile(own + "stuff"), "imports stuff, which has no height"},
		{"a tool imports nothing", "internal/archtest/a.go", goFile(own + "record"), "is a tool and imports nothing"},
		{"nothing imports a tool", "topology/a.go", goFile(own + "internal/archtest"), "is a tool; nothing imports it"},
		{"the runtime uses the client", "internal/runtime/a.go", goFile(franz + "kgo"), ""},
		{"the builder does not", "topology/a.go", goFile(franz + "kgo"), "franz-go/pkg/kgo is at home in ., internal/runtime"},
		{"the facade hands on client options", "a.go", goFile(franz + "kgo"), ""},
		{"and nothing more", "a.go", goFile(franz + "kadm"), "kadm is at home in"},
		{"but its tests may", "a_test.go", goFile(franz + "kadm"), ""},
		{"a test kit uses the client", "topologytest/a.go", goFile(franz + "kfake"), ""},
		{"Pebble outside of its home", "state/a.go", goFile("github.com/cockroachdb/pebble/v2"), "is at home in state/pebble"},
		{"a test looks for leaks", "state/a_test.go", goFile("go.uber.org/goleak"), ""},
		{"a shipped file does not", "state/a.go", goFile("go.uber.org/goleak"), "is at home in test kits, test files, not in state"},
		{"a module without a home", "state/a.go", goFile("example.com/m"), "example.com/m has no home"},
		{"testing in a shipped file", "state/a.go", goFile("testing"), "only test files and test kits import testing"},
		{"testing in a test kit", "state/statetest/a.go", goFile("testing"), ""},
		{"a package name that says nothing", "topology/util/a.go", goFile(), "says nothing"},
		{"a goroutine in pure code", "window/a.go", "package p\n\nfunc f() { go f() }\n", "window/a.go:3: a go statement in window"},
		{"a clock in pure code", "window/a.go", "package p\nimport clock \"time\"\nvar t = clock.Now()\n", "window/a.go:3: time.Now in window"},
		{"a duration is no clock", "window/a.go", "package p\nimport \"time\"\nvar t = time.Second\n", ""},
		{"randomness in pure code", "topology/a.go", goFile("math/rand/v2"), "import of math/rand/v2 in topology"},
		{"a network in pure code", "connectors/a.go", goFile("net/http"), "import of net/http in connectors"},
		{"a connector uses the network", "connectors/redis/a.go", goFile("net", "time"), ""},
		{"a test uses the clock", "window/a_test.go", "package p\nimport \"time\"\nvar t = time.Now()\n", ""},
		{"a file of 400 lines is fine", "window/a.go", "package p\n" + strings.Repeat("\n", 399), ""},
		{"a file of 401 lines", "window/a.go", "package p\n" + strings.Repeat("\n", 400), "the file has 401 lines"},
		{"a generic method parses", "topology/a.go", "package p\ntype s[V any] struct{}\nfunc (s[V]) m[W any]() (w W) { return w }\n", ""},
		{"a file that does not parse", "topology/a.go", "package\n", "does not parse"},
		{"test data is not code", "topology/testdata/a.go", "package\n", ""},
		{"build constraints hide nothing", "integration/a_test.go", "//go:build integration\n\n" + goFile(own+"internal/task"), "public packages only"},
	} {
		t.Run(test.name, func(t *testing.T) {
			files, faults, err := load(fstest.MapFS{test.file: {Data: []byte(test.source)}})
			if err != nil {
				t.Fatal(err)
			}
			faults = append(faults, check(files)...)
			switch {
			case test.want == "" && len(faults) > 0:
				t.Errorf("reported %q, want nothing", faults)
			case test.want != "" && len(faults) != 1:
				t.Errorf("reported %d faults %q, want one", len(faults), faults)
			case test.want != "" && !strings.Contains(faults[0], test.want):
				t.Errorf("reported %q, want %q in it", faults[0], test.want)
			}
		})
	}
}

func TestANestedModuleIsNotLookedAt(t *testing.T) {
	files, faults, err := load(fstest.MapFS{
		"other/go.mod": {Data: []byte("module other\n")},
		"other/a.go":   {Data: []byte("package\n")},
	})
	if err != nil || len(files) != 0 || len(faults) != 0 {
		t.Errorf("got files %v, faults %v, error %v; want none", files, faults, err)
	}
}
