package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

var naming = tenantsecrets.Naming{Environment: "prod", Service: "formbridge"}

// secretName is the name of a tenant's secret, as a user without our Naming
// builds it.
func secretName(tenant string) string { return "prod/formbridge/" + tenant + "/hmac_key" }

// population is tenants with their secrets in Secrets Manager, and a webhook
// that any of them may have sent.
//
// All of them share one secret, so that one signature is everybody's: in a
// service the signature comes with the request and is in the CPU's caches. The
// tenants' keys in memory are each cache's own and are not.
type population struct {
	backend   *secretstest.Backend
	ids       []string
	document  func(tenant string) string
	body      []byte
	secrets   []string // the newest first
	signer    int      // which of them made the signature
	signature string
}

// bodySize is that of the webhooks.
const bodySize = 1024

// newPopulation makes n tenants whose documents hold one key, or two as in the
// grace period after a rotation. The oldest key signs, as senders do at first.
func newPopulation(n, keys int) (*population, error) {
	return populate(secretstest.New(noCallLog), n, keys)
}

func populate(backend *secretstest.Backend, n, keys int) (*population, error) {
	p := &population{backend: backend, ids: tenantIDs(n), body: make([]byte, bodySize)}
	_, _ = rand.Read(p.body)
	p.secrets = make([]string, keys)
	for i := range p.secrets {
		p.secrets[i] = newSecret()
	}
	p.document = func(tenant string) string { return document(tenant, p.secrets) }
	p.signWith(keys - 1)
	for _, id := range p.ids {
		if err := p.store(id); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// signWith changes which key made the signature.
func (p *population) signWith(signer int) {
	p.signer, p.signature = signer, sign(p.secrets[signer], p.body)
}

func noCallLog(o *secretstest.Options) { o.NoCallLog = true }

func (p *population) store(tenant string) error {
	_, err := p.backend.CreateSecret(context.Background(), &secretsmanager.CreateSecretInput{
		Name: aws.String(secretName(tenant)), SecretString: aws.String(p.document(tenant)),
	})
	return err
}

// tenantIDs are cut from one text, one after the other.
func tenantIDs(n int) []string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, idFormat, i)
	}
	ids := make([]string, n)
	for i := range ids {
		ids[i] = text.String()[i*idLength : (i+1)*idLength]
	}
	return ids
}

const (
	idFormat = "t_%06d"
	idLength = 8
)

// newSecret makes a secret in the form of the stored document's.
func newSecret() string { return rand.Text() + rand.Text() }

// document is the stored form of a tenant's secrets, the newest first.
func document(tenant string, secrets []string) string {
	type key struct {
		KID      string    `json:"kid"`
		Secret   string    `json:"shared_secret"`
		Created  time.Time `json:"created_at"`
		NotAfter time.Time `json:"not_after"`
	}
	created := time.Now().Add(-time.Hour)
	previous := []key{}
	for i, secret := range secrets[1:] {
		previous = append(previous, key{fmt.Sprintf("previous-%d", i), secret, created.Add(-time.Hour), created.Add(24 * time.Hour)})
	}
	text, _ := json.Marshal(map[string]any{ // strings, times and slices of them always marshal
		"version": "1.0", "tenant_id": tenant, "base": "",
		"kid": "newest", "shared_secret": secrets[0], "created_at": created,
		"previous": previous,
	})
	return string(text)
}

func sign(secret string, body []byte) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write(body)
	return hex.EncodeToString(m.Sum(nil))
}

// orderLength is how many requests an order has before it begins anew: enough
// for most of 100,000 tenants to come up.
const orderLength = 1 << 18

// newOrder is the tenants of a row of requests, drawn at random. The ids lie
// one after the other in memory: like the signature, an id comes with its
// request.
func newOrder(ids []string) []string {
	var text strings.Builder
	for range orderLength {
		text.WriteString(ids[mathrand.IntN(len(ids))])
	}
	order := make([]string, orderLength)
	for i := range order {
		order[i] = text.String()[i*idLength : (i+1)*idLength]
	}
	return order
}

// warm has an engine load all tenants. It asks with an id of its own for each:
// what a cache keeps of a request is not to keep all other ids alive, nor to be
// had for nothing.
func (p *population) warm(ctx context.Context, e *engine) error {
	return eachOf(p.ids, connections, func(tenant string) error {
		return e.get(ctx, strings.Clone(tenant))
	})
}

// eachOf calls do for every id, from a number of goroutines, and returns the
// first error.
func eachOf(ids []string, goroutines int, do func(id string) error) error {
	var (
		wait   sync.WaitGroup
		errs   = make(chan error, 1)
		queued = make(chan string)
	)
	for range goroutines {
		wait.Go(func() {
			for id := range queued {
				if err := do(id); err != nil {
					select {
					case errs <- fmt.Errorf("%s: %w", id, err):
					default:
					}
				}
			}
		})
	}
	for _, id := range ids {
		queued <- id
	}
	close(queued)
	wait.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}
