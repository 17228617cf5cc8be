package tenantsecrets_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// observer keeps what a client tells.
type observer struct {
	mu     sync.Mutex
	events []tenantsecrets.Event
	asker  []any // of each event's context, the value under askerKey
}

type askerKey struct{}

func (o *observer) option(opts *tenantsecrets.Options) { opts.Observe = o.observe }

func (o *observer) observe(ctx context.Context, e tenantsecrets.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events = append(o.events, e)
	o.asker = append(o.asker, ctx.Value(askerKey{}))
}

// take returns the events so far, of one kind, and forgets all.
func (o *observer) take(kind tenantsecrets.EventKind) []tenantsecrets.Event {
	o.mu.Lock()
	defer o.mu.Unlock()
	of := slices.DeleteFunc(o.events, func(e tenantsecrets.Event) bool { return e.Kind != kind })
	o.events, o.asker = nil, nil
	return of
}

// checkEvent wants exactly this event of its kind; its Err need only be the one
// that is wanted by errors.Is.
func (o *observer) checkEvent(t *testing.T, want tenantsecrets.Event) {
	t.Helper()
	events := o.take(want.Kind)
	if len(events) != 1 {
		t.Fatalf("%d events, want one: %+v", len(events), events)
	}
	got := events[0]
	if !errors.Is(got.Err, want.Err) || want.Err == nil && got.Err != nil {
		t.Errorf("error is %v, want %v", got.Err, want.Err)
	}
	if !got.Began.Equal(want.Began) {
		t.Errorf("began at %v, want %v", got.Began, want.Began)
	}
	got.Err, want.Err, got.Began, want.Began = nil, nil, time.Time{}, time.Time{}
	if got != want {
		t.Errorf("event is %+v, want %+v", got, want)
	}
}

// observedCall is a call of the client's, about the tenant.
type observedCall struct {
	op   string
	call func(ctx context.Context, c *tenantsecrets.Client) error
}

var observedCalls = []observedCall{
	{"TenantSecret", func(ctx context.Context, c *tenantsecrets.Client) error { return ask(ctx, c).err }},
	{"Refresh", func(ctx context.Context, c *tenantsecrets.Client) error { return refresh(ctx, c).err }},
	{"Verify", func(ctx context.Context, c *tenantsecrets.Client) error {
		return c.Verify(ctx, tenant, func(tenantsecrets.Keyring) error { return nil })
	}},
	{"VerifyHMAC", func(ctx context.Context, c *tenantsecrets.Client) error {
		s, err := c.TenantSecret(ctx, tenant)
		if err != nil {
			return c.VerifyHMAC(ctx, tenant, message, forged())
		}
		signature, err := tenantsecrets.SignHMAC(s.Keys(), message)
		return errors.Join(err, c.VerifyHMAC(ctx, tenant, message, signature))
	}},
}

// A call is told of once, with what was asked for, what was served and how long it
// took; also where it cost nothing.
func TestObserveTellsOfEveryCall(t *testing.T) {
	const call, age = 10 * time.Millisecond, time.Minute
	for _, test := range observedCalls {
		t.Run(test.op, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				var o observer
				c, s := warm(t, b, o.option)
				slowLoads(b, call)
				time.Sleep(age)
				o.take(0)
				if err := test.call(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				o.keep(test.op)
				want := tenantsecrets.Event{
					Op: test.op, Tenant: tenant, Name: hmacName, VersionID: s.VersionID(),
					Age: age, Began: bubbleStart.Add(age),
				}
				if test.op == "Refresh" { // which took a call, and is as old as that
					want.Age, want.Took = call, call
				}
				o.checkEvent(t, want)
			})
		})
	}
}

// keep forgets calls that are not that one.
func (o *observer) keep(op string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events = slices.DeleteFunc(o.events, func(e tenantsecrets.Event) bool {
		return e.Kind == tenantsecrets.EventCall && e.Op != op
	})
}

func TestObserveTellsOfEveryFailure(t *testing.T) {
	const call = 10 * time.Millisecond
	for _, test := range observedCalls {
		t.Run(test.op, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				var o observer
				deleteNow(t, b)
				slowLoads(b, call)
				c := newClient(t, b, o.option)
				checkIs(t, test.call(t.Context(), c), tenantsecrets.ErrNotFound)
				o.keep(test.op)
				want := tenantsecrets.Event{
					Op: test.op, Tenant: tenant, Name: hmacName, Began: bubbleStart, Took: call, Err: tenantsecrets.ErrNotFound,
				}
				if test.op == "VerifyHMAC" { // after another call, it is refused from memory
					want.Began, want.Took = bubbleStart.Add(call), 0
				}
				o.checkEvent(t, want)
			})
		})
	}
}

func TestObserveTellsOfGet(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		var o observer
		store(t, b, plainName, object(t, nil))
		c := newClient(t, b, o.option)
		text := plainKind(func(stored []byte) (string, error) { return string(stored), nil })
		if _, err := tenantsecrets.Get(t.Context(), c, tenant, text); err != nil {
			t.Fatal(err)
		}
		version := o.take(tenantsecrets.EventLoad)[0].VersionID
		time.Sleep(time.Minute)
		if _, err := tenantsecrets.Get(t.Context(), c, tenant, text); err != nil {
			t.Fatal(err)
		}
		o.checkEvent(t, tenantsecrets.Event{
			Op: "Get", Tenant: tenant, Name: plainName, VersionID: version, Age: time.Minute, Began: bubbleStart.Add(time.Minute),
		})
		_, err := tenantsecrets.Get(t.Context(), c, tenant, tenantsecrets.Kind[string]{Path: "a path"})
		checkIs(t, err, tenantsecrets.ErrInvalidOption)
		o.checkEvent(t, tenantsecrets.Event{
			Op: "Get", Tenant: tenant, Began: bubbleStart.Add(time.Minute), Err: tenantsecrets.ErrInvalidOption,
		})
	})
}

func TestObserveTellsOfWrites(t *testing.T) {
	const call = 10 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		var o observer
		b := secretstest.New()
		b.Inject(secretstest.Fault{Operation: createCall, Delay: call})
		c := newClient(t, b, o.option)
		s := created(t, c)
		o.checkEvent(t, tenantsecrets.Event{
			Op: "CreateTenant", Tenant: tenant, Name: hmacName, VersionID: s.VersionID(), Began: bubbleStart, Took: call,
		})
		checkIs(t, create(t.Context(), c).err, tenantsecrets.ErrExists)
		o.checkEvent(t, tenantsecrets.Event{
			Op: "CreateTenant", Tenant: tenant, Name: hmacName, Began: bubbleStart.Add(call), Took: call, Err: tenantsecrets.ErrExists,
		})
		invalidate(t, c, tenant)
		o.checkEvent(t, tenantsecrets.Event{Op: "Invalidate", Tenant: tenant, Began: bubbleStart.Add(2 * call)})
		checkIs(t, c.Invalidate("t a"), tenantsecrets.ErrInvalidTenant)
		o.checkEvent(t, tenantsecrets.Event{
			Op: "Invalidate", Tenant: "t a", Began: bubbleStart.Add(2 * call), Err: tenantsecrets.ErrInvalidTenant,
		})
	})
}

// A signature that is refused is a call that failed; where it could be looked into,
// with the version that refused it.
func TestObserveTellsOfBadSignatures(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		var o observer
		c, s := warm(t, b, o.option)
		o.take(0)
		want := tenantsecrets.Event{Op: "VerifyHMAC", Tenant: tenant, Name: hmacName, Began: bubbleStart, Err: tenantsecrets.ErrSignature}
		verify(t.Context(), c, "no signature").refuses(t, 0, tenantsecrets.ErrSignature)
		o.checkEvent(t, want)
		verify(t.Context(), c, forged()).refuses(t, mismatchWait, tenantsecrets.ErrMismatch)
		want.VersionID, want.Took, want.Err = s.VersionID(), mismatchWait, tenantsecrets.ErrMismatch
		o.checkEvent(t, want)
	})
}

// A prefetch is a call for each of its tenants.
func TestObserveTellsOfEachPrefetchedTenant(t *testing.T) {
	const call = 10 * time.Millisecond
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		var o observer
		b.Inject(secretstest.Fault{Operation: batchCall, Delay: call})
		c := newClient(t, b, o.option)
		ids := append(storeTenants(t, b, 2), "t_missing", "t a")
		prefetch(t.Context(), c, ids)
		events := o.take(tenantsecrets.EventCall)
		if len(events) != len(ids) {
			t.Fatalf("%d events, want %d", len(events), len(ids))
		}
		for _, e := range events {
			want := tenantsecrets.Event{Op: "Prefetch", Tenant: e.Tenant, Name: nameOf(e.Tenant), Took: call}
			switch e.Tenant {
			case "t a":
				want.Name, want.Took = "", 0
				checkIs(t, e.Err, tenantsecrets.ErrInvalidTenant)
			case "t_missing":
				checkIs(t, e.Err, tenantsecrets.ErrNotFound)
			default:
				checkIs(t, e.Err, nil)
			}
			if !slices.Contains(ids, e.Tenant) || !e.Began.Equal(bubbleStart) {
				t.Errorf("%s began at %v", e.Tenant, e.Began)
			}
			e.Began, e.Err, e.VersionID, e.Age = time.Time{}, nil, "", 0
			if e != want {
				t.Errorf("event is %+v, want %+v", e, want)
			}
		}
	})
}

// What the caller's context carries comes with his calls; a load is nobody's.
func TestObserveGetsTheCallersContext(t *testing.T) {
	for _, test := range observedCalls {
		t.Run(test.op, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				var o observer
				c := newClient(t, b, o.option)
				ctx := context.WithValue(t.Context(), askerKey{}, test.op)
				for range 2 { // cold and warm
					if err := test.call(ctx, c); err != nil {
						t.Error(err)
					}
				}
				for i, e := range o.events {
					if isCall := e.Kind == tenantsecrets.EventCall; isCall != (o.asker[i] == any(test.op)) {
						t.Errorf("%s has the context of %v", e.Op, o.asker[i])
					}
				}
			})
		})
	}
}
