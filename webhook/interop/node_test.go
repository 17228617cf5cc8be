package interop_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// npmPeer is a library of npm, by its name in clients/libraries.mjs.
type npmPeer struct {
	name, library string
	form          form
	handedOut     func(secret string) string // the secret as the library takes it
}

var npmPeers = []npmPeer{
	{"standardwebhooks (npm)", "standardwebhooks", standardForm, whsec},
	{"svix (npm)", "svix", svixForm, whsec},
	{"stripe (npm)", "stripe", stripeForm, asItIs},
	{"octokit (npm)", "octokit", githubForm, asItIs},
}

func asItIs(secret string) string { return secret }

// eachNPMPeer runs f for every npm library, if they are installed.
func eachNPMPeer(t *testing.T, f func(t *testing.T, p npmPeer)) {
	t.Helper()
	needNode(t)
	for _, p := range npmPeers {
		t.Run(p.name, func(t *testing.T) { f(t, p) })
	}
}

// needNode skips the test visibly where a part is missing, or fails it where parts
// are required.
func needNode(t *testing.T) {
	t.Helper()
	missing := ""
	if _, err := exec.LookPath("node"); err != nil {
		missing = "node is missing: install Node.js 20 or newer"
	} else if _, err := os.Stat(filepath.Join("node_modules", ".package-lock.json")); err != nil {
		missing = "the libraries are missing: run npm ci in webhook/interop"
	}
	switch {
	case missing == "":
	case os.Getenv("TENANTSECRETS_INTEGRATION") == "required":
		t.Fatal(missing)
	default:
		t.Skip(missing)
	}
}

// patience is how long a process may live.
const patience = 2 * time.Minute

// node is a client in clients/ that has been given its job.
type node struct {
	command *exec.Cmd
	output  *bufio.Scanner
	errors  bytes.Buffer
	stop    func() // waits until it has ended
}

// startNode hands a job over by standard input, which stays open until stop is
// called: a client that waits for its end also ends where this process is killed.
func startNode(t *testing.T, job any, args ...string) *node {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	n := &node{command: exec.CommandContext(ctx, "node", args...)}
	n.command.Dir = "clients"
	n.command.Env = []string{"PATH=" + os.Getenv("PATH")}
	n.command.Stderr = &n.errors
	input, err := n.command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := n.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	n.output = bufio.NewScanner(output)
	if err := n.command.Start(); err != nil {
		t.Fatal(err)
	}
	n.stop = func() {
		_ = input.Close() // some have ended already
		for n.output.Scan() {
		}
		if err := n.command.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, n.errors.String())
		}
	}
	if err := json.NewEncoder(input).Encode(job); err != nil {
		t.Errorf("%s took no job: %v", args[0], err)
	}
	return n
}
