package snippets

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// plain is code without indentation and empty lines.
func plain(code string) string {
	var lines []string
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
	}
	return "\n" + strings.Join(lines, "\n") + "\n"
}

var block = regexp.MustCompile("(?ms)^ *```go\n(.*?)^ *```$")

// A reader copies what the pages show. It compiles, for it is code of a test or a program.
func TestEveryBlockIsCompiled(t *testing.T) {
	compiled := plain(read(t, "snippets_test.go")) + plain(read(t, "../receiver/main.go"))
	pages, err := filepath.Glob(root + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, page := range append(pages, root+"/README.md") {
		for _, match := range block.FindAllStringSubmatch(read(t, page), -1) {
			found++
			if !strings.Contains(compiled, plain(match[1])) {
				t.Errorf("%s: this block is in no test: add it to snippets_test.go, or correct it\n%s", page, match[1])
			}
		}
	}
	if found < 15 {
		t.Errorf("found only %d blocks", found)
	}
}

// sentinels are the names of a package's exported errors.
func sentinels(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(dir + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file.Name.Name, "_test") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, decl := range file.Decls {
			vars, ok := decl.(*ast.GenDecl)
			if !ok || vars.Tok != token.VAR {
				continue
			}
			for _, spec := range vars.Specs {
				for _, id := range spec.(*ast.ValueSpec).Names {
					if strings.HasPrefix(id.Name, "Err") {
						names = append(names, id.Name)
					}
				}
			}
		}
	}
	return names
}

func TestThePageOfErrorsNamesEverySentinel(t *testing.T) {
	page := read(t, root+"/docs/errors.md")
	found := 0
	for _, dir := range []string{".", "webhook", "rotation", "provision"} {
		for _, name := range sentinels(t, filepath.Join(root, dir)) {
			found++
			if !strings.Contains(page, "| `"+name+"`") {
				t.Errorf("docs/errors.md has no row for %s", name)
			}
		}
	}
	if found < 25 {
		t.Errorf("found only %d sentinels", found)
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]*)(#[^)]*)?\)`)

// Links between the pages lead to files that are there, and to headings that they have.
func TestLinksLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob(root + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	tops, err := filepath.Glob(root + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, tops...) {
		for _, match := range link.FindAllStringSubmatch(read(t, page), -1) {
			target := page
			if match[1] != "" {
				target = filepath.Join(filepath.Dir(page), match[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", page, match[1], err)
				continue
			}
			if match[2] != "" && !hasHeading(read(t, target), match[2][1:]) {
				t.Errorf("%s links to %s%s, and there is no such heading", page, match[1], match[2])
			}
		}
	}
}

var notInAnchors = regexp.MustCompile(`[^a-z0-9 -]`)

// hasHeading tells whether a page has the heading of an anchor, as GitHub makes it.
func hasHeading(page, anchor string) bool {
	for line := range strings.Lines(page) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			title = notInAnchors.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
			if strings.ReplaceAll(title, " ", "-") == anchor {
				return true
			}
		}
	}
	return false
}
