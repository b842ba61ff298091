package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// file is what the rules look at of one Go file.
type file struct {
	path    string // below the module
	dir     string // "." for the module's root
	pkg     string
	test    bool // ends in _test.go
	lines   int
	imports []mention
	effects []mention // go statements and calls that read the clock
}

// mention is something that a file names, and where.
type mention struct {
	what string
	line int
}

// load parses every Go file of the module whose root is fsys, whatever its build
// constraints say. A file that does not parse is a fault.
func load(fsys fs.FS) (files []file, faults []string, err error) {
	err = fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && skipped(fsys, name):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		source, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		f, err := parse(name, source)
		if err != nil {
			faults = append(faults, fmt.Sprintf("%s: does not parse: %v", name, err))
			return nil
		}
		files = append(files, f)
		return nil
	})
	return files, faults, err
}

// skipped reports whether the go command would not look into dir either.
func skipped(fsys fs.FS, dir string) bool {
	if dir == "." {
		return false
	}
	base := path.Base(dir)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || dir == "bin" || dir == "tmp" {
		return true
	}
	_, err := fs.Stat(fsys, path.Join(dir, "go.mod"))
	return err == nil
}

func parse(name string, source []byte) (file, error) {
	positions := token.NewFileSet()
	syntax, err := parser.ParseFile(positions, name, source, parser.SkipObjectResolution)
	if err != nil {
		return file{}, err
	}
	f := file{
		path:  name,
		dir:   path.Dir(name),
		pkg:   strings.TrimSuffix(syntax.Name.Name, "_test"),
		test:  strings.HasSuffix(name, "_test.go"),
		lines: bytes.Count(source, []byte("\n")),
	}
	line := func(n ast.Node) int { return positions.Position(n.Pos()).Line }
	clock := ""
	for _, spec := range syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return file{}, err
		}
		f.imports = append(f.imports, mention{imported, line(spec)})
		if imported == "time" {
			clock = "time"
			if spec.Name != nil {
				clock = spec.Name.Name
			}
		}
	}
	ast.Inspect(syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			f.effects = append(f.effects, mention{"a go statement", line(n)})
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && clock != "" && x.Name == clock && slices.Contains(clockCalls, n.Sel.Name) {
				f.effects = append(f.effects, mention{"time." + n.Sel.Name, line(n)})
			}
		}
		return true
	})
	return f, nil
}
