package tenantsecrets_test

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// refusal is a definite no, and how it comes about.
type refusal struct {
	name  string
	begin func(t *testing.T, b *secretstest.Backend) (end func())
	want  error
	calls []string // that a load takes to see it
}

var refusals = []refusal{
	{"deleted", deleted, tenantsecrets.ErrNotFound, []string{describeCall}},
	{"scheduled for deletion", scheduled, tenantsecrets.ErrPendingDeletion, []string{describeCall}},
	{"describing denied", faulty(describeCall, secretstest.AccessDenied()), tenantsecrets.ErrAccessDenied, []string{describeCall}},
	{"reading denied", rotated(faulty(getCall, secretstest.AccessDenied())), tenantsecrets.ErrAccessDenied, []string{describeCall, getCall}},
	{"KMS denied", rotated(faulty(getCall, secretstest.KMSDenied())), tenantsecrets.ErrAccessDenied, []string{describeCall, getCall}},
	{"KMS key disabled", rotated(faulty(getCall, secretstest.KMSDisabled())), tenantsecrets.ErrAccessDenied, []string{describeCall, getCall}},
	{"malformed", written(map[string]any{"shared_secret": nil}), tenantsecrets.ErrMalformed, []string{describeCall, getCall}},
	{"another tenant's", written(map[string]any{"tenant_id": "t_other"}), tenantsecrets.ErrWrongTenant, []string{describeCall, getCall}},
	{"suspended", written(map[string]any{"state": "suspended"}), tenantsecrets.ErrSuspended, []string{describeCall, getCall}},
}

func deleted(t *testing.T, b *secretstest.Backend) func() {
	t.Helper()
	deleteNow(t, b)
	return func() { store(t, b, hmacName, document(t, nil)) }
}

func scheduled(t *testing.T, b *secretstest.Backend) func() {
	t.Helper()
	deleteLater(t, b)
	return func() {
		time.Sleep(30 * 24 * time.Hour) // the recovery window
		store(t, b, hmacName, document(t, nil))
	}
}

func faulty(operation string, err error) func(*testing.T, *secretstest.Backend) func() {
	return func(_ *testing.T, b *secretstest.Backend) func() {
		return b.Inject(secretstest.Fault{Operation: operation, Err: err})
	}
}

// rotated makes a load read the value.
func rotated(begin func(*testing.T, *secretstest.Backend) func()) func(*testing.T, *secretstest.Backend) func() {
	return func(t *testing.T, b *secretstest.Backend) func() {
		t.Helper()
		put(t, b, hmacName, document(t, nil))
		return begin(t, b)
	}
}

func written(members map[string]any) func(*testing.T, *secretstest.Backend) func() {
	return func(t *testing.T, b *secretstest.Backend) func() {
		t.Helper()
		put(t, b, hmacName, document(t, members))
		return func() { put(t, b, hmacName, document(t, nil)) }
	}
}

// quiet keeps what is logged of a wrong tenant out of the test's output.
func quiet(o *tenantsecrets.Options) { o.Logger = slog.New(slog.DiscardHandler) }

// eachRefusal runs f in a bubble of its own for each refusal.
func eachRefusal(t *testing.T, f func(*testing.T, *secretstest.Backend, *refusal)) {
	t.Helper()
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) { f(t, b, &r) })
		})
	}
}

func (r *refusal) start(t *testing.T, b *secretstest.Backend) (end func()) {
	t.Helper()
	end = r.begin(t, b)
	b.ClearCalls()
	return end
}

func TestRefusalEvictsAtOnce(t *testing.T) {
	t.Run("stale", func(t *testing.T) {
		eachRefusal(t, func(t *testing.T, b *secretstest.Backend, r *refusal) {
			c, _ := warm(t, b, quiet)
			r.start(t, b)
			b.Inject(secretstest.Fault{Delay: 10 * time.Millisecond})
			time.Sleep(ttl)
			ask(t.Context(), c).fails(t, time.Duration(len(r.calls))*10*time.Millisecond, r.want)
			ask(t.Context(), c).fails(t, 0, r.want)
			checkOperations(t, b, r.calls...)
		})
	})
	t.Run("aging", func(t *testing.T) {
		eachRefusal(t, func(t *testing.T, b *secretstest.Backend, r *refusal) {
			c, old := warm(t, b, quiet)
			r.start(t, b)
			time.Sleep(agesLatest)
			ask(t.Context(), c).serves(t, old, 0)
			synctest.Wait()
			ask(t.Context(), c).fails(t, 0, r.want)
			checkOperations(t, b, r.calls...)
		})
	})
}

func TestRefusalIsRememberedForNegativeTTL(t *testing.T) {
	eachRefusal(t, func(t *testing.T, b *secretstest.Backend, r *refusal) {
		r.start(t, b)
		b.Inject(secretstest.Fault{Delay: 10 * time.Millisecond})
		took := time.Duration(len(r.calls)) * 10 * time.Millisecond
		c := newClient(t, b, quiet)
		for range 2 {
			ask(t.Context(), c).fails(t, took, r.want)
			ask(t.Context(), c).fails(t, 0, r.want)
			time.Sleep(negativeTTL - 1)
			ask(t.Context(), c).fails(t, 0, r.want)
			checkOperations(t, b, r.calls...)
			time.Sleep(time.Nanosecond)
		}
	})
}

func TestRefusalEndsWithItsCause(t *testing.T) {
	eachRefusal(t, func(t *testing.T, b *secretstest.Backend, r *refusal) {
		c, _ := warm(t, b, quiet)
		end := r.start(t, b)
		time.Sleep(ttl)
		ask(t.Context(), c).fails(t, 0, r.want)
		time.Sleep(negativeTTL)
		end()
		if a := ask(t.Context(), c); a.err != nil {
			t.Error(a.err)
		}
	})
}

// Whenever a definite no begins, it is seen within TTL and one load, and what was
// held is never served after that.
func TestRefusalIsSeenAndFinal(t *testing.T) {
	const call = 10 * time.Millisecond
	for _, begin := range []time.Duration{0, agesLatest, ttl - time.Second} {
		t.Run(begin.String(), func(t *testing.T) {
			eachRefusal(t, func(t *testing.T, b *secretstest.Backend, r *refusal) {
				c, _ := warm(t, b, quiet)
				b.Inject(secretstest.Fault{Delay: call})
				poll(begin, time.Second, func() { ask(t.Context(), c) })
				r.start(t, b)
				seen := time.Now().Add(ttl + 2*call)
				poll(ttl-1, 5*time.Second, func() { ask(t.Context(), c) })
				time.Sleep(time.Until(seen))
				poll(2*maxStale, time.Minute, func() {
					a := ask(t.Context(), c)
					a.fails(t, a.took, r.want)
				})
			})
		})
	}
}

// After a definite no, pauses in an outage begin with the shortest again.
func TestRefusalEndsTheBackoff(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, _ := warm(t, b)
		outage := secretstest.Fault{Operation: describeCall, Err: secretstest.InternalError()}
		remove := b.Inject(outage)
		time.Sleep(ttl)
		poll(10*time.Minute, time.Second, func() { ask(t.Context(), c) })
		remove()
		deleteNow(t, b)
		time.Sleep(negativeTTL) // the longest pause is as long
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrNotFound)

		b.Inject(outage)
		time.Sleep(negativeTTL)
		b.ClearCalls()
		poll(10*time.Second, step, func() { ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrUnavailable) })
		if n := len(b.Calls()); n < 4 {
			t.Errorf("%d loads in 10 s", n)
		}
		checkBackoff(t, b.Calls())
	})
}

// What is evicted does not come back in an outage.
func TestRefusedSecretIsNotServedInAnOutage(t *testing.T) {
	eachRefusal(t, func(t *testing.T, b *secretstest.Backend, r *refusal) {
		c, _ := warm(t, b, quiet)
		end := r.start(t, b)
		time.Sleep(ttl)
		ask(t.Context(), c).fails(t, 0, r.want)
		time.Sleep(negativeTTL)
		end()
		b.Inject(secretstest.Fault{Err: secretstest.ConnectionReset()})
		a := ask(t.Context(), c)
		a.fails(t, 0, tenantsecrets.ErrUnavailable)
		if errors.Is(a.err, tenantsecrets.ErrStale) {
			t.Errorf("error is %v, though nothing is held", a.err)
		}
	})
}

// Nor does what was there before: how new an answer must be is not forgotten with
// what is evicted, or a read that lags behind would bring a revoked key back.
func TestRefusalBringsNoOlderAnswerBack(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		leaked := signed(t, b)
		time.Sleep(time.Hour)
		base := currentID(t, b)
		put(t, b, hmacName, document(t, map[string]any{"base": base, "revoked": []string{base}}))
		c, _ := warm(t, b)
		time.Sleep(ttl)
		b.Inject(secretstest.Fault{Err: secretstest.AccessDenied(), Times: 1})
		ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrAccessDenied)
		time.Sleep(negativeTTL)
		remove := b.Inject(secretstest.Fault{StaleBy: 30 * time.Minute})
		verify(t.Context(), c, leaked).refuses(t, 0, tenantsecrets.ErrUnavailable)
		remove()
		time.Sleep(time.Second)
		verify(t.Context(), c, leaked).refuses(t, 0, tenantsecrets.ErrMismatch)
	})
}
