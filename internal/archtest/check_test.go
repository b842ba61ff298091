package archtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// check returns every breach of the rules, as "file:line: what is wrong; what to
// do".
func check(files []file) []string {
	var faults []string
	for _, f := range files {
		report := func(line int, format string, args ...any) {
			faults = append(faults, fmt.Sprintf("%s:%d: ", f.path, line)+fmt.Sprintf(format, args...))
		}
		checkFile(f, report)
		for _, imported := range f.imports {
			checkImport(f, imported, report)
		}
		checkEffects(f, report)
	}
	return faults
}

type reporter func(line int, format string, args ...any)

func checkFile(f file, report reporter) {
	if _, ok := height(f.dir); !ok && !underAny(f.dir, tools) {
		report(1, "folder %s has no height; move the file into a folder that has one, or enter the folder into heights (internal/archtest/rules_test.go)", f.dir)
	}
	if slices.Contains(badNames, f.pkg) || slices.Contains(badNames, path.Base(f.dir)) {
		report(1, "a package called %s (in %s) says nothing; name it after what it does, or put its parts where they are used", f.pkg, f.dir)
	}
	if f.lines > maxLines {
		report(maxLines+1, "the file has %d lines, %d are the most; split it by what its parts do", f.lines, maxLines)
	}
}

func checkImport(f file, imported mention, report reporter) {
	first, _, _ := strings.Cut(imported.what, "/")
	switch {
	case under(imported.what, module):
		dir := strings.TrimPrefix(strings.TrimPrefix(imported.what, module), "/")
		checkInternal(f, path.Clean(dir), imported.line, report)
	case strings.Contains(first, "."):
		checkThirdParty(f, imported, report)
	case imported.what == "testing" && !f.test && !isKit(f.dir):
		report(imported.line, "only test files and test kits import testing; move the code into a _test.go file, or into a folder whose name ends in test")
	}
}

// checkInternal checks an import of a package of the module.
func checkInternal(f file, dir string, line int, report reporter) {
	if f.dir == dir { // an external test of its own package
		return
	}
	from, known := height(f.dir)
	to, ok := height(dir)
	switch {
	case underAny(f.dir, tools):
		report(line, "%s is a tool and imports nothing of the module; copy the little that it needs", f.dir)
	case underAny(dir, tools):
		report(line, "%s is a tool; nothing imports it", dir)
	case !known: // reported once for the file
	case !ok:
		report(line, "imports %s, which has no height; enter it into heights (internal/archtest/rules_test.go)", dir)
	case from == programHeight && slices.Contains(strings.Split(dir, "/"), "internal"):
		report(line, "%s (height %d) imports %s; programs and integration tests use public packages only, as users must", f.dir, from, dir)
	case f.test && to < programHeight: // tests may look up, to the test kit and the facade
	case from > to || besides(f.dir, dir, from):
	default:
		report(line, "%s (height %d) imports %s (height %d); imports point strictly down: move this code up, or the part of %s that it needs down to height %d or lower", f.dir, from, dir, to, dir, from-1)
	}
}

// besides reports whether a folder may import another one of its own height.
func besides(dir, imported string, height int) bool {
	if strings.HasPrefix(dir, imported+"/") { // a folder below sees the contract above it
		return true
	}
	switch height {
	case 0: // the serdes below serde see records, for their headers
		return under(dir, "serde/*") && imported == "record"
	case programHeight: // parts of one program, and the kit that starts real systems
		top, _, _ := strings.Cut(dir, "/")
		return under(imported, top) || under(imported, "integration") && isKit(imported)
	}
	return false
}

func checkThirdParty(f file, imported mention, report reporter) {
	var where []string
	for _, h := range homes {
		if !under(imported.what, h.imports) {
			continue
		}
		if h.takes(f) {
			return
		}
		where = append(where, h.folders...)
		if h.kits {
			where = append(where, "test kits")
		}
		if h.allTests {
			where = append(where, "test files")
		}
	}
	if where == nil {
		report(imported.line, "%s has no home; use the standard library, or write a decision and enter the module into homes (internal/archtest/rules_test.go)", imported.what)
		return
	}
	report(imported.line, "%s is at home in %s, not in %s; move the code there, or pass what it needs through an interface", imported.what, strings.Join(where, ", "), f.dir)
}

// takes reports whether f may import what is at home here.
func (h home) takes(f file) bool {
	in := func(folder string) bool { return f.dir == folder || folder != "." && under(f.dir, folder) }
	return slices.ContainsFunc(h.folders, in) ||
		h.kits && isKit(f.dir) ||
		f.test && (h.allTests || slices.ContainsFunc(h.tests, in))
}

func checkEffects(f file, report reporter) {
	if f.test || isKit(f.dir) || underAny(f.dir, effectHomes) {
		return
	}
	const rule = "only %s and the test kits do this; take the time, the number or the result as an argument, or move the code"
	effects := slices.Clone(f.effects)
	for _, imported := range f.imports {
		if effectful(imported.what) {
			effects = append(effects, mention{"import of " + imported.what, imported.line})
		}
	}
	for _, e := range effects {
		report(e.line, "%s in %s: "+rule, e.what, f.dir, strings.Join(effectHomes, ", "))
	}
}
