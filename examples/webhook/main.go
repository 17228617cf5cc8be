// Webhook is a service that receives the webhooks of many tenants. Copy receiver.go into
// your own service. The other files post valid and invalid webhooks to it and print the
// answers.
//
//	go run ./examples/webhook
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
	"github.com/formbridge/tenantsecrets/webhook"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := run(ctx, os.Stdout, slog.New(slog.DiscardHandler)); err != nil { // use slog.Default() to see why webhooks are refused
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer, log *slog.Logger) error {
	backend := secretstest.New() // secretsmanager.NewFromConfig(cfg) in production
	client, err := tenantsecrets.New(backend, tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	if err != nil {
		return err
	}
	defer client.Close()
	secret, err := client.CreateTenant(ctx, "t_abc123")
	if err != nil {
		return err
	}

	var processed atomic.Int64
	process := func(webhook.Match, []byte) error { processed.Add(1); return nil }
	receiver, err := newReceiver(client, process, log)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := newServer(receiver)
	go server.Serve(listener)
	defer server.Close()
	s := &sender{
		client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: 5 * time.Second}},
		url:    "http://" + listener.Addr().String() + "/webhooks/",
		out:    out,
	}

	good := message{"t_abc123", "msg_1", `{"event":"form.submitted"}`, secret.Keys(), time.Now()}
	available(ctx, s, good)
	fmt.Fprintln(out, "Secrets Manager is unavailable:")
	defer backend.Inject(secretstest.Fault{Err: secretstest.InternalError()})()
	outage(ctx, s, good)
	fmt.Fprintf(out, "%d webhooks were processed\n", processed.Load())
	return s.err
}

// available posts webhooks while keys can be loaded: every answer is final.
func available(ctx context.Context, s *sender, good message) {
	fmt.Fprintln(s.out, "Secrets Manager is available:")
	s.post(ctx, "signed by the tenant", good)
	s.post(ctx, "the same request again", good)

	changed := good
	header, err := good.header()
	if err != nil {
		s.err = err
	}
	s.send(ctx, "the body was changed", good.tenant, header, `{"event":"form.deleted"}`)
	s.send(ctx, "no signature", good.tenant, http.Header{}, good.body)
	changed.signed = good.signed.Add(-time.Hour)
	s.post(ctx, "signed an hour ago", changed)

	changed = good
	changed.tenant = "t_nobody"
	s.post(ctx, "an unknown tenant", changed)
	changed.tenant = "..%2Ft_abc123"
	s.post(ctx, "not a tenant ID", changed)
	changed = good
	changed.body = strings.Repeat(" ", 1<<20)
	s.post(ctx, "a body of 1 MiB", changed)
}

// outage posts webhooks while no key can be loaded. Cached keys still verify. A signature
// that no cached key made is answered with 503, because its key may be new.
func outage(ctx context.Context, s *sender, good message) {
	good.id = "msg_2"
	s.post(ctx, "signed by the tenant", good)

	unknown, err := tenantsecrets.NewKeyring(tenantsecrets.NewValue(rand.Text()))
	if err != nil {
		s.err = err
	}
	good.keys = unknown
	s.post(ctx, "signed with a key not seen before", good)
	good.tenant = "t_other"
	s.post(ctx, "a tenant not seen before", good)
}
