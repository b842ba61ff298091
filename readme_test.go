package tidemill_test

import (
	"os"
	"strings"
	"testing"
)

// What the README shows is compiled, and tested where it is a test.
func TestTheCodeInTheReadmeIsThatOfTheExamples(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var examples string
	for _, file := range []string{"examples/00-shortest/main.go", "topologytest/example_test.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		examples += string(text)
	}
	blocks := strings.Split(string(readme), "```go\n")[1:]
	if len(blocks) < 2 {
		t.Fatalf("the README has %d pieces of Go, want the shortest program and a test", len(blocks))
	}
	for _, block := range blocks {
		if code, _, closed := strings.Cut(block, "```"); !closed || !strings.Contains(examples, code) {
			t.Errorf("no example contains this code of the README:\n%s", code)
		}
	}
}
