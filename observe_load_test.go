package tenantsecrets_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// However many wait for it, a load is one event, each of its calls is one, and so
// is each of theirs.
func TestObserveTellsOfALoadOnce(t *testing.T) {
	const call, callers = 10 * time.Millisecond, 1000
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		slowLoads(b, call)
		var o observer
		c := newClient(t, b, o.option)
		var waiting sync.WaitGroup
		for range callers {
			waiting.Go(func() { ask(t.Context(), c) })
		}
		waiting.Wait()
		events := slices.Clone(o.events)
		if n := len(o.take(tenantsecrets.EventCall)); n != callers {
			t.Errorf("%d calls, want %d", n, callers)
		}
		o.events = slices.Clone(events)
		version := tenantSecret(t, c).VersionID()
		o.checkEvent(t, tenantsecrets.Event{
			Kind: tenantsecrets.EventLoad, Op: "Load", Tenant: tenant, Name: hmacName, VersionID: version, Began: bubbleStart, Took: 2 * call,
		})
		for i, op := range []string{describeCall, getCall} {
			o.events = slices.Clone(events)
			o.events = slices.DeleteFunc(o.events, func(e tenantsecrets.Event) bool { return e.Op != op })
			o.checkEvent(t, tenantsecrets.Event{
				Kind: tenantsecrets.EventRequest, Op: op, Name: hmacName, Began: bubbleStart.Add(time.Duration(i) * call), Took: call,
			})
		}
	})
}

// A load in the background has no call that waits for it.
func TestObserveTellsOfBackgroundLoads(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		var o observer
		c, s := warm(t, b, o.option)
		slowLoads(b, time.Second)
		time.Sleep(agesLatest)
		o.take(0)
		ask(t.Context(), c).serves(t, s, 0)
		o.checkEvent(t, tenantsecrets.Event{
			Op: "TenantSecret", Tenant: tenant, Name: hmacName, VersionID: s.VersionID(), Age: agesLatest, Began: bubbleStart.Add(agesLatest),
		})
		time.Sleep(time.Second)
		synctest.Wait()
		o.checkEvent(t, tenantsecrets.Event{
			Kind: tenantsecrets.EventLoad, Op: "Load", Tenant: tenant, Name: hmacName, VersionID: s.VersionID(),
			Began: bubbleStart.Add(agesLatest), Took: time.Second,
		})
	})
}

// A batch is one request without a name, and a load for each.
func TestObserveTellsOfABatch(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		var o observer
		ids := storeTenants(t, b, batchSize)
		c := newClient(t, b, o.option)
		prefetch(t.Context(), c, ids)
		events := slices.Clone(o.events)
		if n := len(o.take(tenantsecrets.EventLoad)); n != batchSize {
			t.Errorf("%d loads", n)
		}
		o.events = events
		o.checkEvent(t, tenantsecrets.Event{Kind: tenantsecrets.EventRequest, Op: batchCall, Began: bubbleStart})
	})
}

// Of what Secrets Manager says about a request that failed, the observer gets the
// code, which is of a known set; the text may hold anything.
func TestObserveKeepsTheCodeOfARequestAlone(t *testing.T) {
	const text = "the text of the server"
	for _, operation := range []string{describeCall, getCall, batchCall, createCall} {
		t.Run(operation, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				var o observer
				b.Inject(secretstest.Fault{Operation: operation, Err: &smithy.GenericAPIError{Code: "AccessDeniedException", Message: text}})
				c := newClient(t, b, o.option)
				switch operation {
				case batchCall:
					prefetch(t.Context(), c, []string{tenant})
				case createCall:
					create(t.Context(), c)
				default:
					ask(t.Context(), c)
				}
				checkCodeAlone(t, o.events, operation, text)
			})
		})
	}
}

func checkCodeAlone(t *testing.T, events []tenantsecrets.Event, operation, text string) {
	t.Helper()
	failed := 0
	for _, e := range events {
		if e.Kind != tenantsecrets.EventRequest || e.Op != operation {
			continue
		}
		failed++
		var api smithy.APIError
		if !errors.As(e.Err, &api) || api.ErrorCode() != "AccessDeniedException" || !errors.Is(e.Err, tenantsecrets.ErrAccessDenied) {
			t.Errorf("error is %v", e.Err)
		}
		for _, printed := range []string{fmt.Sprint(e), fmt.Sprintf("%+v", e), e.Err.Error(), api.ErrorMessage()} {
			if strings.Contains(printed, text) {
				t.Errorf("%q has the server's text", printed)
			}
		}
	}
	if failed != 1 {
		t.Errorf("%d requests failed in %+v", failed, events)
	}
}

// Whatever happens, an event says nothing of what a secret or a signature is.
func TestEventsHoldNoSecretAndNoSignature(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		var o observer
		c, s := warm(t, b, o.option, quiet)
		signature, bad := signed(t, b), forged()
		time.Sleep(time.Minute)
		verify(t.Context(), c, signature).accepts(t, 0)
		verify(t.Context(), c, bad).refuses(t, 0, tenantsecrets.ErrMismatch)
		verify(t.Context(), c, bad[1:]).refuses(t, 0, tenantsecrets.ErrSignature)
		refresh(t.Context(), c)
		create(t.Context(), c)
		prefetch(t.Context(), c, []string{tenant, "t_other"})
		put(t, b, hmacName, `{"shared_secret":"`+s.Secret().Reveal()+`","tenant_id":"t_other"}`)
		checkFailed(t, refresh(t.Context(), c).err, "Refresh", tenantsecrets.ErrMalformed)
		invalidate(t, c, tenant)
		b.Inject(secretstest.Fault{Err: errors.New(s.Secret().Reveal())})
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrUnavailable)
		create(t.Context(), c)
		if len(o.events) < 20 {
			t.Errorf("%d events", len(o.events))
		}
		checkEventsSilent(t, o.events, s.Secret().Reveal(), signature, bad)
	})
}

// Where the server itself tells the secret, its requests are no way to it either.
func TestRequestsHoldNothingThatTheServerTells(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		var o observer
		c, s := warm(t, b, o.option)
		o.take(0)
		secret := s.Secret().Reveal()
		b.Inject(secretstest.Fault{Err: &smithy.GenericAPIError{Code: "ThrottlingException", Message: secret}})
		refresh(t.Context(), c)
		create(t.Context(), c)
		prefetch(t.Context(), c, []string{"t_other"})
		requests := o.take(tenantsecrets.EventRequest)
		if len(requests) < 3 {
			t.Errorf("%d requests", len(requests))
		}
		checkEventsSilent(t, requests, secret)
	})
}

// checkEventsSilent looks for a secret, and for parts of signatures.
func checkEventsSilent(t *testing.T, events []tenantsecrets.Event, secret string, signatures ...string) {
	t.Helper()
	search := newSearch(secret)
	for _, e := range events {
		printed := fmt.Sprintf("%v %+v %#v %+v", e, e, e, e.Err)
		if found := search.find(printed); found != "" {
			t.Errorf("an event of %s shows %s", e.Op, found)
		}
		for _, signature := range signatures {
			if strings.Contains(printed, signature[1:13]) {
				t.Errorf("an event of %s shows a signature", e.Op)
			}
		}
	}
}

// Who is told holds no lock of the client's: from within he may call it.
func TestObserveMayCallTheClient(t *testing.T) {
	const other = "t_other"
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		store(t, b, nameOf(other), document(t, map[string]any{"tenant_id": other}))
		var c *tenantsecrets.Client
		var inside atomic.Bool // what follows from an event is none to follow
		told := map[tenantsecrets.EventKind]int{}
		c = newClient(t, b, func(o *tenantsecrets.Options) {
			o.Observe = func(ctx context.Context, e tenantsecrets.Event) {
				if !inside.CompareAndSwap(false, true) {
					return
				}
				defer inside.Store(false)
				told[e.Kind]++
				c.Stats()
				if _, err := c.TenantSecret(ctx, other); err != nil {
					t.Error(err)
				}
				if _, err := c.Refresh(ctx, other); err != nil {
					t.Error(err)
				}
				if err := c.Invalidate(other); err != nil {
					t.Error(err)
				}
				if e.Kind != tenantsecrets.EventRequest { // in which this very load goes on
					ask(ctx, c)
				}
			}
		})
		tenantSecret(t, c)
		refresh(t.Context(), c)
		prefetch(t.Context(), c, []string{tenant})
		for _, kind := range []tenantsecrets.EventKind{tenantsecrets.EventCall, tenantsecrets.EventLoad, tenantsecrets.EventRequest} {
			if told[kind] == 0 {
				t.Errorf("nothing of kind %d is told", kind)
			}
		}
	})
}
