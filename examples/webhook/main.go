// Webhook serves one route per tenant, verifies what is posted to it, and posts
// to itself what a tenant, a forger and a stranger would.
//
//	go run ./examples/webhook
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// maxBody bounds what is read before a signature has been checked.
const maxBody = 1 << 20

// receiver answers 200 to a webhook of the tenant in the route, 401 to anything
// else that is sent there, and 503 where the question cannot be answered now, so
// that the sender tries again.
func receiver(c *tenantsecrets.Client) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /webhooks/{tenant}", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		err = c.VerifyHMAC(r.Context(), r.PathValue("tenant"), body, r.Header.Get("X-Signature"))
		w.WriteHeader(status(err))
	})
	return mux
}

func status(err error) int {
	if err == nil {
		return http.StatusOK
	}
	for _, refused := range []error{
		tenantsecrets.ErrSignature, // an unknown tenant's too
		tenantsecrets.ErrInvalidTenant,
		tenantsecrets.ErrPendingDeletion,
		tenantsecrets.ErrSuspended,
	} {
		if errors.Is(err, refused) {
			return http.StatusUnauthorized
		}
	}
	return http.StatusServiceUnavailable
}

func run(ctx context.Context, out io.Writer) error {
	backend := secretstest.New() // secretsmanager.NewFromConfig(cfg) in production
	naming := tenantsecrets.Naming{Environment: "prod", Service: "formbridge"}
	c, err := tenantsecrets.New(backend, naming)
	if err != nil {
		return err
	}
	defer c.Close()
	secret, err := c.CreateTenant(ctx, "t_abc123")
	if err != nil {
		return err
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: receiver(c), ReadHeaderTimeout: 5 * time.Second}
	go server.Serve(listener)
	defer server.Close()
	send := &sender{client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, url: "http://" + listener.Addr().String() + "/webhooks/", out: out}

	body := []byte(`{"event":"form.submitted","id":42}`)
	signature, err := tenantsecrets.SignHMAC(secret.Keys(), body)
	if err != nil {
		return err
	}
	send.post(ctx, "the tenant's own", "t_abc123", body, "sha256="+signature)
	send.post(ctx, "another body", "t_abc123", []byte(`{"event":"form.deleted"}`), signature)
	send.post(ctx, "a forged signature", "t_abc123", body, strings.Repeat("0", 64))
	send.post(ctx, "no signature", "t_abc123", body, "")
	send.post(ctx, "an unknown tenant", "t_nobody", body, signature)
	send.post(ctx, "no tenant at all", "..%2Ft_abc123", body, signature)

	// Secrets Manager is away: who is known is served from memory, who is not must
	// come back later.
	defer backend.Inject(secretstest.Fault{Err: secretstest.InternalError()})()
	send.post(ctx, "known, in an outage", "t_abc123", body, signature)
	send.post(ctx, "unknown, in an outage", "t_other", body, signature)
	return send.err
}

// sender posts webhooks and prints the answers. After an error it does nothing.
type sender struct {
	client *http.Client
	url    string
	out    io.Writer
	err    error
}

func (s *sender) post(ctx context.Context, what, tenant string, body []byte, signature string) {
	if s.err != nil {
		return
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+tenant, bytes.NewReader(body))
	if err != nil {
		s.err = err
		return
	}
	request.Header.Set("X-Signature", signature)
	response, err := s.client.Do(request)
	if err != nil {
		s.err = err
		return
	}
	response.Body.Close()
	fmt.Fprintf(s.out, "%-22s %s\n", what, response.Status)
}
