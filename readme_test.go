package tidemill_test

import (
	"os"
	"strings"
	"testing"
)

func TestTheProgramInTheReadmeIsTheOneThatCompiles(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("examples/00-shortest/main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, found := strings.Cut(string(readme), "```go\n")
	code, _, closed := strings.Cut(code, "```")
	if !found || !closed {
		t.Fatal("the README has no Go program")
	}
	if !strings.Contains(string(program), code) {
		t.Errorf("examples/00-shortest/main.go does not contain the program in the README:\n%s", code)
	}
}
