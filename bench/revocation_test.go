package main

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/secretstest"
)

const (
	revokedCalm  = 20 * time.Minute
	revokedAfter = 2 * time.Hour

	defaultKMSKey = "alias/aws/secretsmanager"
)

// revocation is one way to take a secret away, and how soon it must show.
type revocation struct {
	name   string
	revoke func(*revocationRun, *testing.T)
	bound  time.Duration // of the default reader
	second time.Duration // of the second
}

var revocations = []revocation{
	{"deleted", (*revocationRun).deleteAll, defaultTTL, defaultTTL},
	{"access denied", (*revocationRun).denyAccess, defaultTTL, defaultTTL},
	{"KMS key denied", (*revocationRun).denyKey, defaultMaxStale, defaultTTL},
}

// revocationRun is a service that goes on asking while its secrets are revoked.
type revocationRun struct {
	*population
	denied atomic.Bool
	engine *engine

	mu     sync.Mutex
	served time.Time // when a secret was served last, in the answer to a request that began then
}

func simulateRevocation(t *testing.T, d depth) (lines []line) {
	for _, r := range revocations {
		l := line{Case: r.name, Peers: make(map[string]string)}
		for _, build := range append([]maker{newOurs}, peers...) {
			served, name := servedFor(t, build, r, d.revoked)
			if name != oursName {
				l.Peers[name] = servedText(served)
				continue
			}
			l.Ours, l.Goals = servedText(served), []goal{within(served, r.bound+oneLoad, "served")}
		}
		lines = append(lines, l)
		served, _ := servedFor(t, newOursWith(valuesOnly), r, d.revoked)
		lines = append(lines, line{
			Case: r.name + ", second reader", Ours: servedText(served),
			Goals: []goal{within(served, r.second+oneLoad, "served")},
		})
	}
	return lines
}

func servedText(served time.Duration) string {
	if served >= revokedAfter-time.Minute {
		return "more than " + brief(revokedAfter)
	}
	return brief(served)
}

// servedFor returns how long after their revocation secrets were served, in a
// bubble.
func servedFor(t *testing.T, build maker, how revocation, tenants int) (served time.Duration, name string) {
	served = inBubble(t, func(t *testing.T) time.Duration {
		r := newRevocationRun(t, build, tenants)
		defer r.engine.close()
		name = r.engine.name
		var (
			asking sync.WaitGroup
			over   atomic.Bool
		)
		for i, id := range r.ids {
			interval := time.Minute
			if i%10 == 0 {
				interval = time.Second
			}
			asking.Go(func() { r.ask(t.Context(), id, interval, &over) })
		}
		time.Sleep(revokedCalm)
		how.revoke(r, t)
		at := time.Now()
		time.Sleep(revokedAfter)
		over.Store(true)
		asking.Wait()
		return max(0, r.served.Sub(at))
	})
	return served, name
}

func newRevocationRun(t *testing.T, build maker, tenants int) *revocationRun {
	r := new(revocationRun)
	backend := secretstest.New(noCallLog, func(o *secretstest.Options) {
		o.Allow = func(a secretstest.Access) bool { return !r.denied.Load() || !isRead(a.Action) }
	})
	p, err := populate(backend, tenants, 1)
	if err != nil {
		t.Fatal(err)
	}
	p.backend.Inject(secretstest.Fault{Delay: simulatedAPI})
	r.population, r.engine = p, simulatedEngine(t, build, &meter{service: p.backend}, usual)
	return r
}

func isRead(action string) bool {
	return strings.HasSuffix(action, ":DescribeSecret") || strings.HasSuffix(action, ":GetSecretValue")
}

// ask asks for a tenant's secret from some moment on: the secrets' ages differ
// when they are revoked.
func (r *revocationRun) ask(ctx context.Context, tenant string, interval time.Duration, over *atomic.Bool) {
	time.Sleep(rand.N(revokedCalm / 2))
	for ; !over.Load(); time.Sleep(interval) {
		began := time.Now()
		if r.engine.get(ctx, tenant) == nil {
			r.mu.Lock()
			if began.After(r.served) {
				r.served = began
			}
			r.mu.Unlock()
		}
	}
}

func (r *revocationRun) deleteAll(t *testing.T) {
	for _, id := range r.ids {
		_, err := r.backend.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: aws.String(secretName(id))})
		if err != nil {
			t.Error(err)
		}
	}
}

func (r *revocationRun) denyAccess(*testing.T) { r.denied.Store(true) }

func (r *revocationRun) denyKey(*testing.T) {
	r.backend.SetKMSKey(defaultKMSKey, secretstest.KeyDenied)
}
