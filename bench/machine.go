package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// machine is what the figures depend on.
type machine struct {
	cpu      string
	cores    int
	system   string
	golang   string
	versions []string // of what is compared, and of the SDK under all of it
}

// compared are the modules whose versions the report names.
var compared = []string{
	"github.com/aws/aws-secretsmanager-caching-go/v2",
	"github.com/maypok86/otter/v2",
	"github.com/viccon/sturdyc",
	"github.com/aws/aws-sdk-go-v2",
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager",
}

func thisMachine() machine {
	return machine{
		cpu:      cpuModel(),
		cores:    runtime.NumCPU(),
		system:   runtime.GOOS + "/" + runtime.GOARCH,
		golang:   runtime.Version(),
		versions: versions(),
	}
}

func (m machine) markdown(w io.Writer) {
	fmt.Fprint(w, "| | |\n|---|---|\n")
	fmt.Fprintf(w, "| machine | %s, %d cores, %s |\n", m.cpu, m.cores, m.system)
	fmt.Fprintf(w, "| Go | %s |\n", m.golang)
	fmt.Fprintf(w, "| modules | %s |\n", strings.Join(m.versions, "<br>"))
}

// cpuModel is the processor's name where the system tells it.
func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

// versions reads them from the binary itself.
func versions() (found []string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return []string{"unknown"}
	}
	built := make(map[string]string)
	for _, module := range info.Deps {
		built[module.Path] = module.Version
	}
	for _, path := range compared {
		found = append(found, path+" "+cmp.Or(built[path], "unknown"))
	}
	return found
}
