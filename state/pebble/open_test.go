package pebble_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/state/pebble"
)

func TestOpenCreatesFolders(t *testing.T) {
	b := opener()(t, filepath.Join(t.TempDir(), "a", "b"))
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenRefusesAFolderThatIsOpenInTheSameProcess(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	b := opener()(t, dir)
	for _, path := range []string{dir, dir + "/.", link} {
		wantOpenError(t, path, pebble.ErrLocked, "another worker uses this folder")
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := opener()(t, link).Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

const holdDirEnv = "PEBBLE_TEST_HOLD_DIR"

// TestHoldFolder is the other process of the test below.
func TestHoldFolder(t *testing.T) {
	dir := os.Getenv(holdDirEnv)
	if dir == "" {
		t.Skip("runs in a process of its own")
	}
	b := opener()(t, dir)
	_, _ = os.Stdout.WriteString("holding\n")
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the other end is closed
	_ = b.Close()
}

func TestOpenRefusesAFolderThatIsOpenInAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHoldFolder$")
	cmd.Env = append(os.Environ(), holdDirEnv+"="+dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len("holding\n"))
	if _, err := stdout.Read(line); err != nil || string(line) != "holding\n" {
		t.Fatalf("the other process wrote %q, %v", line, err)
	}
	wantOpenError(t, dir, pebble.ErrLocked, "another worker uses this folder")
	_ = cmd.Process.Kill()
	_ = stdin.Close()
	_ = cmd.Wait()
	if err := opener()(t, dir).Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestOpenRefusesAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantOpenError(t, file, nil, "this is a file: name a folder")
	wantOpenError(t, filepath.Join(file, "folder"), nil, "cannot create the folder")
	if data, err := os.ReadFile(file); err != nil || string(data) != "precious" {
		t.Errorf("the file now holds %q, %v", data, err)
	}
}

// TestOpenRefusesADamagedDatabase damages one kind of file at a time. Whatever
// Open makes of it, it must not panic, and not give a database that lacks data.
func TestOpenRefusesADamagedDatabase(t *testing.T) {
	garbage := func(path string) error {
		return os.WriteFile(path, bytes.Repeat([]byte("garbage "), 1000), 0o600)
	}
	truncate := func(path string) error { return os.Truncate(path, 10) }
	newer := func(path string) error { return os.Rename(path, path[:len(path)-3]+"999") }
	for name, test := range map[string]struct {
		pattern string
		damage  func(path string) error
	}{
		"the manifest is garbage":       {"MANIFEST-*", garbage},
		"the manifest is missing":       {"MANIFEST-*", os.Remove},
		"the manifest is cut short":     {"MANIFEST-*", truncate},
		"a table is missing":            {"*.sst", os.Remove},
		"a table is cut short":          {"*.sst", truncate},
		"the options are garbage":       {"OPTIONS-*", garbage},
		"the format is of a newer kind": {"marker.format-version.*", newer},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b := opener()(t, dir)
			fillBackend(t, b, 1000)
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			paths, err := filepath.Glob(filepath.Join(dir, test.pattern))
			if err != nil || len(paths) == 0 {
				t.Fatalf("no %s: %v", test.pattern, err)
			}
			for _, path := range paths {
				if err := test.damage(path); err != nil {
					t.Fatal(err)
				}
			}
			wantOpenError(t, dir, pebble.ErrUnreadable, "delete the folder to restore")
		})
	}
}

func TestReadingADamagedTableFails(t *testing.T) {
	dir := t.TempDir()
	b := opener()(t, dir)
	fillBackend(t, b, 50_000)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	tables, _ := filepath.Glob(filepath.Join(dir, "*.sst"))
	for _, path := range tables {
		damageMiddle(t, path)
	}
	b = opener(quiet())(t, dir)
	err := b.Scan(nil, nil, false, func(_, _ []byte) bool { return true })
	if !errors.Is(err, pebble.ErrUnreadable) {
		t.Errorf("Scan: error %v; want ErrUnreadable", err)
	}
	err = nil
	for i := 0; err == nil && i < 50_000; i++ {
		_, _, err = b.Get(nil, benchKey(i))
	}
	if !errors.Is(err, pebble.ErrUnreadable) {
		t.Errorf("Get of all keys: error %v; want ErrUnreadable", err)
	}
	if err := b.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// damageMiddle overwrites the middle third of a file.
func damageMiddle(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(data) / 3; i < 2*len(data)/3; i++ {
		data[i] ^= 0x55
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func wantOpenError(t *testing.T, dir string, target error, text string) {
	t.Helper()
	b, err := pebble.Open(dir, quiet())
	if err == nil {
		_ = b.Close()
		t.Fatalf("Open(%q) succeeded; want an error about %q", dir, text)
	}
	if target != nil && !errors.Is(err, target) {
		t.Errorf("Open(%q): error %v; want %v", dir, err, target)
	}
	if target == nil && (errors.Is(err, pebble.ErrLocked) || errors.Is(err, pebble.ErrUnreadable) || errors.Is(err, fs.ErrPermission)) {
		t.Errorf("Open(%q): error %v is of another kind", dir, err)
	}
	if !strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), dir) {
		t.Errorf("Open(%q): error %q; want it to say %q and the folder", dir, err, text)
	}
}
