package tenantsecrets_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/formbridge/tenantsecrets"

// layers holds the layer of each package: a package imports only packages of lower
// layers. A package that is not listed has the layer of its parent.
var layers = map[string]int{
	"internal/answer":      0,
	"internal/cache":       0,
	"internal/document":    0,
	"internal/mac":         0,
	"internal/keyring":     1,
	"internal/reader":      1,
	"internal/creation":    2,
	"internal/writer":      2,
	"secretstest":          1,
	"":                     3,
	"webhook":              4,
	"rotation":             4,
	"provision":            4,
	"admin":                4,
	"access":               4,
	"events":               4,
	"examples":             5,
	"internal/integration": 5,

	"webhook/webhooktest":         5,
	"secretstest/conformance":     5,
	"secretstest/cmd/secretstest": 5,
}

// forbidden imports, beside those of an upper layer, by package.
var forbidden = map[string][]string{
	"":                  {"testing", module + "/secretstest"},
	"secretstest":       {"testing"},
	"internal/reader":   {"testing"},
	"internal/document": {"testing"},
	"internal/mac":      {"testing"},
	"internal/keyring":  {"testing"},
}

const (
	cachingGo = "github.com/aws/aws-secretsmanager-caching-go/"

	// mostPackages is how many packages of other modules an importer of the root may
	// come to build. Our own packages cost an importer nothing new.
	mostPackages = 108
)

// goPackage is what go list says of a package.
type goPackage struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Export     string // the file of its export data, where -export asks for it
}

// goList returns what go list says of packages.
func goList(t *testing.T, args ...string) (packages []goPackage) {
	t.Helper()
	var stderr bytes.Buffer
	list := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Standard,Imports,Export"}, args...)...)
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) == 0 {
		t.Fatal("go list lists nothing")
	}
	return packages
}

// within returns a package's path in the module.
func within(importPath string) (path string, ok bool) {
	if importPath == module {
		return "", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

// layerOf returns a package's layer; false: it stands nowhere.
func layerOf(path string) (layer int, ok bool) {
	for parent := path; ; {
		if layer, ok = layers[parent]; ok {
			return layer, ok
		}
		slash := strings.LastIndexByte(parent, '/')
		if slash < 0 {
			return 0, false
		}
		parent = parent[:slash]
	}
}

func TestLayers(t *testing.T) {
	for _, p := range goList(t, "./...") {
		path, _ := within(p.ImportPath)
		layer, ok := layerOf(path)
		if !ok {
			t.Errorf("%s has no layer: give it one in this test", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			if below, ok := within(imported); ok {
				if f, _ := layerOf(below); f >= layer {
					t.Errorf("%s, on layer %d, imports %s, on layer %d", p.ImportPath, layer, imported, f)
				}
			}
			if slices.Contains(forbidden[path], imported) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
			if strings.HasPrefix(imported, cachingGo) && path != "internal/reader" {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
}

// The lowest layer knows nothing of the AWS SDK: a rule about keys is about bytes and
// times.
func TestLowestLayer(t *testing.T) {
	for _, p := range goList(t, "-deps", "./internal/document", "./internal/mac", "./internal/cache", "./internal/keyring") {
		if strings.HasPrefix(p.ImportPath, "github.com/aws/") {
			t.Errorf("a package of the lowest layer comes to build %s", p.ImportPath)
		}
	}
}

// secretstest, which the tests of the root use, knows nothing of the root.
func TestSecretstestStandsAlone(t *testing.T) {
	for _, p := range goList(t, "-deps", "./secretstest") {
		path, ours := within(p.ImportPath)
		if ours && path != "secretstest" || strings.HasPrefix(p.ImportPath, cachingGo) {
			t.Errorf("secretstest comes to build %s", p.ImportPath)
		}
	}
}

// naming.go is for every tool, also for those without the AWS SDK.
func TestNamingImportsTheStandardLibrary(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "naming.go", nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
			t.Errorf("naming.go imports %s", path)
		}
	}
}

// An importer of the root builds the AWS SDK, caching-go and little else, and
// nothing that belongs to tests.
func TestWhatAnImporterBuilds(t *testing.T) {
	others := 0
	for _, p := range goList(t, "-deps", ".") {
		if _, ours := within(p.ImportPath); !p.Standard && !ours {
			others++
		}
		if p.ImportPath == "testing" {
			t.Error("an importer of the root comes to build package testing")
		}
	}
	t.Logf("an importer of the root builds %d packages of other modules", others)
	if others > mostPackages {
		t.Errorf("that is more than %d", mostPackages)
	}
}
