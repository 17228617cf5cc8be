package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// serveTenants is the child process: Secrets Manager over HTTP on loopback until
// in ends, which it does when the parent does. The first line of out is its URL.
func serveTenants(in io.Reader, out io.Writer, tenants int) error {
	p, err := newPopulation(tenants, 1)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "http://%s\n", listener.Addr())
	server := &http.Server{Handler: p.backend.Handler()}
	go func() {
		_, _ = io.Copy(io.Discard, in)
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// server is Secrets Manager in a process of its own, so that the heap here is
// the caches' alone.
type server struct {
	url     string
	command *exec.Cmd
	input   io.Closer
}

func startServer(ctx context.Context, tenants int) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &server{command: exec.CommandContext(ctx, self, "-serve", fmt.Sprint(tenants))}
	s.command.Stderr = os.Stderr
	if s.input, err = s.command.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := s.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	url, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("the server did not start: %w", err)
	}
	s.url = strings.TrimSpace(url)
	return s, nil
}

func (s *server) stop() {
	_ = s.input.Close()
	_ = s.command.Wait()
}

// connections are enough that none is closed and opened again between loads.
const connections = 64

// client returns the SDK's own client, and what closes its idle connections.
func (s *server) client() (api *secretsmanager.Client, idle func()) {
	transport := &http.Transport{MaxIdleConns: connections, MaxIdleConnsPerHost: connections}
	return newSDKClient(s.url, &http.Client{Transport: transport}), transport.CloseIdleConnections
}

func newSDKClient(url string, over *http.Client) *secretsmanager.Client {
	return secretsmanager.NewFromConfig(aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(url),
		HTTPClient:   over,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "any", SecretAccessKey: newSecret()}, nil
		}),
	})
}

// population is the server's tenants, whose secrets this process does not know.
func (s *server) population(tenants int) *population {
	return &population{ids: tenantIDs(tenants)}
}
