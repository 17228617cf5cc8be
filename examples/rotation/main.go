// Rotation takes a tenant's key through its life on a Secrets Manager in memory whose
// clock it moves: created, rotated, replaced, gone, and at last a key that leaks. At each
// moment it shows which key signs, and whose webhooks are accepted.
//
//	go run ./examples/rotation
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

const tenant = "t_abc123"

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// clock is one for Secrets Manager and all who use it.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

func run(ctx context.Context, out io.Writer) error {
	c := &clock{}
	api := secretstest.New(func(o *secretstest.Options) { o.Now = c.now })
	client, err := tenantsecrets.New(api, tenantsecrets.Naming{Environment: "prod", Service: "formbridge"},
		func(o *tenantsecrets.Options) { o.Now = c.now })
	if err != nil {
		return err
	}
	defer client.Close()
	rotator, err := rotation.New(client, api)
	if err != nil {
		return err
	}
	if _, err := client.CreateTenant(ctx, tenant); err != nil {
		return err
	}
	w := &watcher{client: client, out: tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)}
	fmt.Fprintln(w.out, "\tsigns\taccepted")
	var newest string // the kid of the key that signs at last
	for _, moment := range []struct {
		what string
		do   func() error
	}{
		{"created", func() error { return nil }},
		{"rotated", func() error { _, err := rotator.Rotate(ctx, tenant); return err }},
		{"1 h 5 min later", func() error { c.move(65 * time.Minute); return nil }},
		{"a day later", func() error { c.move(24 * time.Hour); return nil }},
		{"it has leaked", func() error { _, err := rotator.Revoke(ctx, tenant, newest); return err }},
	} {
		if err := moment.do(); err != nil {
			return err
		}
		if newest, err = w.show(ctx, moment.what); err != nil {
			return err
		}
	}
	return w.out.Flush()
}

// watcher is a sender and a receiver of webhooks.
type watcher struct {
	client *tenantsecrets.Client
	out    *tabwriter.Writer
	kids   []string // of the keys that have signed so far
	signed []string // by each, over body
}

var body = []byte(`{"event":"form.submitted","id":42}`)

// show signs, and verifies what every key so far has signed.
func (w *watcher) show(ctx context.Context, moment string) (kid string, err error) {
	s, err := w.client.TenantSecret(ctx, tenant)
	if err != nil {
		return "", err
	}
	tags, err := s.Keys().MACs(body)
	if err != nil {
		return "", err
	}
	if kid, _, err = s.Keys().Match(tags[:1], body); err != nil {
		return "", err
	}
	if len(w.kids) == 0 || w.kids[len(w.kids)-1] != kid {
		signature, err := tenantsecrets.SignHMAC(s.Keys(), body)
		if err != nil {
			return "", err
		}
		w.kids, w.signed = append(w.kids, kid), append(w.signed, signature)
	}
	var accepted []string
	for i, signature := range w.signed {
		if err := tenantsecrets.VerifyHMAC(s.Keys(), body, signature); err == nil {
			accepted = append(accepted, fmt.Sprintf("key %d", i+1))
		} else if !errors.Is(err, tenantsecrets.ErrSignature) {
			return "", err
		}
	}
	fmt.Fprintf(w.out, "%s\tkey %d\t%s\n", moment, len(w.kids), strings.Join(accepted, ", "))
	return kid, nil
}
