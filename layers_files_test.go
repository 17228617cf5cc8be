package tenantsecrets_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// circles is how many files of a package may need each other: the size of its largest
// circle of files. A package that is not listed has none. The numbers may only shrink.
var circles = map[string]int{
	"":                        8,
	"internal/answer":         2,
	"internal/document":       4,
	"internal/reader":         3,
	"internal/writer":         2,
	"provision":               2,
	"rotation":                5,
	"secretstest":             35,
	"secretstest/conformance": 24,
}

// Inside a package files form layers, as packages do: no two files need each other, not
// even by way of others.
func TestFilesFormLayers(t *testing.T) {
	set := token.NewFileSet()
	others := exportData(t, set)
	for _, p := range goList(t, "./...") {
		path, _ := within(p.ImportPath)
		graph := fileGraph(t, set, others, path)
		largest := slices.MaxFunc(append(circlesOf(graph), nil), func(a, b []string) int { return len(a) - len(b) })
		switch most := circles[path]; {
		case len(largest) > most:
			t.Errorf("%s: %d files need each other, at most %d may: %v", p.ImportPath, len(largest), most, largest)
		case len(largest) < most:
			t.Errorf("%s: %d files need each other, and %d may: lower the number in this test", p.ImportPath, len(largest), most)
		}
	}
}

// fileGraph returns which files of a package use what other files of it define.
func fileGraph(t *testing.T, set *token.FileSet, others types.Importer, folder string) map[string]map[string]bool {
	t.Helper()
	var files []*ast.File
	names, err := filepath.Glob(filepath.Join(".", folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	pkg, err := (&types.Config{Importer: others}).Check(folder, set, files, info)
	if err != nil {
		t.Fatal(err)
	}
	graph := map[string]map[string]bool{}
	for id, used := range info.Uses {
		if used.Pkg() != pkg || !used.Pos().IsValid() {
			continue
		}
		from, to := filepath.Base(set.File(id.Pos()).Name()), filepath.Base(set.File(used.Pos()).Name())
		if from != to {
			if graph[from] == nil {
				graph[from] = map[string]bool{}
			}
			graph[from][to] = true
		}
	}
	return graph
}

// exportData is an importer of what the go command has built.
func exportData(t *testing.T, set *token.FileSet) types.Importer {
	t.Helper()
	files := map[string]string{}
	for _, p := range goList(t, "-export", "-deps", "./...") {
		files[p.ImportPath] = p.Export
	}
	return importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) { return os.Open(files[path]) })
}

// circlesOf returns the sets of files that need each other.
func circlesOf(graph map[string]map[string]bool) (found [][]string) {
	reach := map[string]map[string]bool{}
	for from := range graph {
		seen := map[string]bool{}
		var visit func(string)
		visit = func(file string) {
			for to := range graph[file] {
				if !seen[to] {
					seen[to] = true
					visit(to)
				}
			}
		}
		visit(from)
		reach[from] = seen
	}
	done := map[string]bool{}
	for _, file := range slices.Sorted(maps.Keys(reach)) {
		if done[file] || !reach[file][file] {
			continue
		}
		circle := []string{}
		for to := range reach[file] {
			if reach[to][file] {
				circle = append(circle, to)
				done[to] = true
			}
		}
		slices.Sort(circle)
		found = append(found, circle)
	}
	return found
}
