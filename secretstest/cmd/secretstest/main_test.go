package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// asCommand makes the test binary be the command.
const asCommand = "SECRETSTEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// TestCommand starts the command, asks it something, and interrupts it.
func TestCommand(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-addr", "127.0.0.1:0", "-region", "eu-west-1")
	cmd.Env = append(os.Environ(), asCommand+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "Secrets Manager at ")
	if !ok {
		t.Fatalf("said %q", line)
	}
	if body := ask(t, url); !strings.Contains(body, "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s-") {
		t.Errorf("answered %s", body)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("stopped with %v", err)
	}
}

func ask(t *testing.T, url string) string {
	t.Helper()
	const body = `{"Name":"s","ClientRequestToken":"6f1c1c1e-5a7e-4d44-9d8e-0f6f2f8b9d11"}`
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	request.Header.Set("X-Amz-Target", "secretsmanager.CreateSecret")
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRefusedArguments(t *testing.T) {
	for _, args := range [][]string{{"-addr", "0.0.0.0:0"}, {"-addr", ":0"}, {"-addr", "127.0.0.1"}, {"-addr", "127.0.0.1:x"}, {"-port", "1"}, {"-addr", "127.0.0.1:0", "stray"}} {
		if err := run(context.Background(), args, io.Discard); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
}

func TestLoopback(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:1": true, "127.8.8.8:1": true, "[::1]:1": true, "localhost:1": true,
		":1": false, "0.0.0.0:1": false, "[::]:1": false, "192.0.2.1:1": false, "example.com:1": false, "127.0.0.1": false,
	} {
		if got := loopback(addr); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
}

// TestStops shows that the end of the context ends everything.
func TestStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	said, out := io.Pipe()
	done := make(chan error)
	go func() { done <- run(ctx, []string{"-addr", "127.0.0.1:0"}, out) }()
	if _, err := bufio.NewReader(said).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
