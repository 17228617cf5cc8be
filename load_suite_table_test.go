package tenantsecrets_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// Every line of the table "Three ways to read" in the package's documentation has
// a test here, which names its line.

const batchedCall = "BatchGetSecretValue"

// calls of a cold load: 2, 1, 1/20
func TestCallsOfAColdLoad(t *testing.T) {
	eachWay(t, func(t *testing.T, w way, b *doctored) {
		store(t, b.Backend, hmacName, document(t, map[string]any{"base": ""}))
		b.ClearCalls()
		w.load(t, w.client(t, b))
		want := byWay[[]string]{{describeCall, getCall}, {getCall}, {batchedCall}}
		checkOperations(t, b.Backend, want[w]...)
	})
}

func TestCallsOfTwentyColdLoads(t *testing.T) {
	eachWay(t, func(t *testing.T, w way, b *doctored) {
		ids := storeTenants(t, b.Backend, 20)
		c := w.client(t, b)
		if w == byPrefetch {
			if err := c.Prefetch(t.Context(), slices.Values(ids)); err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range ids {
			tenantSecretOf(t, c, id)
		}
		// Their documents name no base, and none of them has a previous version: who
		// cannot see that has to ask for it.
		if n, want := len(b.Calls()), (byWay[int]{40, 40, 1}); n != want[w] {
			t.Errorf("%d calls, want %d", n, want[w])
		}
	})
}

// calls of a later one: 1, 1, -
func TestCallsOfALaterLoad(t *testing.T) {
	eachWay(t, func(t *testing.T, w way, b *doctored) {
		store(t, b.Backend, hmacName, document(t, map[string]any{"base": ""}))
		c := w.client(t, b)
		s := w.load(t, c)
		b.ClearCalls()
		for range 2 {
			time.Sleep(ttl)
			ask(t.Context(), c).serves(t, s, 0)
			want := byWay[string]{describeCall, getCall, describeCall} // what follows a prefetch is by default
			checkOperations(t, b.Backend, want[w])
		}
	})
}

// tags of another tenant: refused, not seen, at the next load
func TestTagsOfAnotherTenant(t *testing.T) {
	eachWay(t, func(t *testing.T, w way, b *doctored) {
		storeTagged(t, b.Backend, hmacName, document(t, nil), otherTenant)
		c := w.client(t, b)
		for i, want := range []byWay[error]{{tenantsecrets.ErrWrongTenant, nil, nil}, {tenantsecrets.ErrWrongTenant, nil, tenantsecrets.ErrWrongTenant}} {
			var err error
			if i == 0 {
				_, err = w.first(t, c)
			} else {
				_, err = c.TenantSecret(t.Context(), tenant)
			}
			checkCause(t, err, want[w])
			time.Sleep(ttl)
		}
	})
}

// document without tenant_id: its tag decides, refused, refused. A tenant's own
// HMAC secret has to have it in any case, and is all that Prefetch reads.
func TestDocumentWithoutTenantID(t *testing.T) {
	kind := plainKind(func(stored []byte) (string, error) { return string(stored), nil })
	eachWay(t, func(t *testing.T, w way, b *doctored) {
		c := w.client(t, b)
		storeTagged(t, b.Backend, hmacName, document(t, map[string]any{"tenant_id": nil}), tenant)
		_, err := w.first(t, c)
		checkCause(t, err, tenantsecrets.ErrMalformed)
		if w == byPrefetch {
			return
		}
		for owner, want := range map[string]byWay[error]{
			tenant:      {nil, tenantsecrets.ErrMalformed}, // of ValuesOnly, which sees no tags
			otherTenant: {tenantsecrets.ErrWrongTenant, tenantsecrets.ErrMalformed},
		} {
			storeTagged(t, b.Backend, plainName, `{"password":"`+rand.Text()+`"}`, owner)
			_, err := tenantsecrets.Get(t.Context(), w.client(t, b), tenant, kind)
			checkCause(t, err, want[w])
			deletePlain(t, b.Backend)
		}
	})
}

func deletePlain(t *testing.T, b *secretstest.Backend) {
	t.Helper()
	in := &secretsmanager.DeleteSecretInput{SecretId: aws.String(plainName), ForceDeleteWithoutRecovery: aws.Bool(true)}
	if _, err := b.DeleteSecret(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

// deletion is scheduled: seen, by the error's text, by the error's text
func TestScheduledDeletion(t *testing.T) {
	for text, want := range map[string]byWay[error]{
		"You can't perform this operation on the secret because it was marked for deletion.": alike(tenantsecrets.ErrPendingDeletion),
		"Another text": {tenantsecrets.ErrPendingDeletion, tenantsecrets.ErrUnavailable, tenantsecrets.ErrUnavailable},
	} {
		t.Run(text, func(t *testing.T) {
			eachWay(t, func(t *testing.T, w way, b *doctored) {
				store(t, b.Backend, hmacName, document(t, nil))
				deleteLater(t, b.Backend)
				for _, operation := range []string{getCall, batchedCall} {
					b.Inject(secretstest.Fault{Operation: operation, SecretID: hmacName, Err: &smithy.GenericAPIError{Code: "InvalidRequestException", Message: text}})
				}
				_, err := w.first(t, w.client(t, b))
				checkCause(t, err, want[w])
			})
		})
	}
}

// an answer that lags behind the last one: refused, not seen, not seen; of a secret
// that was described before, refused
func TestAnswerThatLags(t *testing.T) {
	for what, described := range map[string]bool{"described before": true, "not described before": false} {
		t.Run(what, func(t *testing.T) {
			eachWay(t, func(t *testing.T, w way, b *doctored) {
				store(t, b.Backend, hmacName, document(t, nil))
				older := currentID(t, b.Backend)
				time.Sleep(time.Hour)
				newer := put(t, b.Backend, hmacName, document(t, nil))
				c := w.client(t, b)
				if described {
					tenantSecret(t, c)
				} else {
					w.load(t, c)
				}
				time.Sleep(ttl)
				b.Inject(secretstest.Fault{StaleBy: 2 * ttl})
				_, err := w.first(t, c)
				want := byWay[string]{newer, older, older}
				if w == byPrefetch && described {
					want[w] = newer
					checkCause(t, err, tenantsecrets.ErrUnavailable) // though what is held is served
				}
				ask(t.Context(), c).servesVersion(t, want[w], 0)
			})
		})
	}
}

// foreign AWSPREVIOUS: read; read where the document has no base, or at a signature
// that no key made; not read, at a signature that no key made, or at the next load
func TestForeignPrevious(t *testing.T) {
	type row struct {
		cold, later, forged byWay[bool] // whether its key is live then
	}
	all := alike(true)
	for what, tt := range map[string]struct {
		members map[string]any
		row
	}{
		"no base":            {nil, row{byWay[bool]{true, true, false}, all, all}},
		"a base before that": {map[string]any{"base": "775dff08-e11c-883e-bb8e-1e5540be8e90"}, row{byWay[bool]{true, false, false}, byWay[bool]{true, false, true}, all}},
	} {
		t.Run(what, func(t *testing.T) {
			eachWay(t, func(t *testing.T, w way, b *doctored) {
				old, current := document(t, nil), document(t, tt.members)
				store(t, b.Backend, hmacName, old)
				put(t, b.Backend, hmacName, current)
				check := func(c *tenantsecrets.Client, live bool) {
					t.Helper()
					if s := tenantSecret(t, c); live {
						checkKeys(t, s, []string{current, old}, nil)
					} else {
						checkKeys(t, s, []string{current}, []string{old})
					}
				}
				c := w.client(t, b)
				w.load(t, c)
				check(c, tt.cold[w])
				time.Sleep(ttl)
				check(c, tt.later[w])

				c = w.client(t, b)
				w.load(t, c)
				time.Sleep(mismatchGap)
				verify(t.Context(), c, signedBy(t, old, message)).accepts(t, 0)
				check(c, tt.forged[w])
			})
		})
	}
}

// its keys live 24 h from: the last change, the current version's creation, -
func TestForeignPreviousEnds(t *testing.T) {
	const grace, change = 24 * time.Hour, 20 * time.Hour
	eachWay(t, func(t *testing.T, w way, b *doctored) {
		old, current := document(t, nil), document(t, nil)
		store(t, b.Backend, hmacName, old)
		time.Sleep(time.Hour)
		put(t, b.Backend, hmacName, current)
		written := time.Now()
		time.Sleep(change)
		putUnder(t, b.Backend, "AWSPENDING")
		c := w.client(t, b)
		w.load(t, c)
		time.Sleep(mismatchGap)
		verify(t.Context(), c, signedBy(t, old, message)).accepts(t, 0) // who prefetched reads it now
		ends := byWay[time.Time]{written.Add(change + grace), written.Add(grace), written.Add(change + grace)}
		time.Sleep(time.Until(ends[w]) - 1)
		checkKeys(t, tenantSecret(t, c), []string{current, old}, nil)
		time.Sleep(time.Nanosecond)
		checkKeys(t, tenantSecret(t, c), []string{current}, []string{old})
	})
}

// value denied, KMS key disabled: after MaxStale, within TTL, -
func TestValueDenied(t *testing.T) {
	for name, err := range map[string]error{"IAM": secretstest.AccessDenied(), "KMS": secretstest.KMSDenied(), "KMS key disabled": secretstest.KMSDisabled()} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, w way, b *doctored) {
				store(t, b.Backend, hmacName, document(t, map[string]any{"base": ""}))
				c := w.client(t, b)
				s := w.load(t, c)
				b.Inject(secretstest.Fault{Operation: getCall, Err: err})
				if w == byValues {
					time.Sleep(ttl)
				} else { // a prefetch reads the plaintext as a load does
					poll(maxStale-ttl, time.Minute, func() { ask(t.Context(), c).serves(t, s, 0) })
					time.Sleep(ttl)
				}
				ask(t.Context(), c).fails(t, 0, tenantsecrets.ErrAccessDenied)
			})
		})
	}
}

// Of the permissions each way needs its own.
func TestPermissionsOfEachWay(t *testing.T) {
	for _, tt := range []struct {
		allowed []string
		want    byWay[error]
	}{
		{[]string{getCall}, byWay[error]{tenantsecrets.ErrAccessDenied, nil, tenantsecrets.ErrAccessDenied}},
		{[]string{describeCall, getCall}, byWay[error]{nil, nil, tenantsecrets.ErrAccessDenied}},
		{[]string{batchedCall, getCall}, byWay[error]{tenantsecrets.ErrAccessDenied, nil, nil}},
		{[]string{describeCall, batchedCall}, alike(tenantsecrets.ErrAccessDenied)},
	} {
		t.Run(strings.Join(tt.allowed, " "), func(t *testing.T) {
			eachWay(t, func(t *testing.T, w way, b *doctored) {
				ready := false
				b.Backend = secretstest.New(func(o *secretstest.Options) {
					o.Allow = func(a secretstest.Access) bool {
						return !ready || slices.Contains(tt.allowed, strings.TrimPrefix(a.Action, "secretsmanager:"))
					}
				})
				store(t, b.Backend, hmacName, document(t, nil))
				ready = true
				_, err := w.first(t, w.client(t, b))
				checkCause(t, err, tt.want[w])
			})
		})
	}
}

// Callers at once share the load in each way.
func TestEachWaySharesALoad(t *testing.T) {
	eachWay(t, func(t *testing.T, w way, b *doctored) {
		store(t, b.Backend, hmacName, document(t, map[string]any{"base": ""}))
		b.Inject(secretstest.Fault{Delay: time.Second})
		b.ClearCalls()
		c := w.client(t, b)
		ctx, cancel := context.WithCancel(t.Context())
		gone := askAsync(ctx, c)
		cancel()
		if a := <-gone; !errors.Is(a.err, context.Canceled) {
			t.Errorf("who stopped waiting got %v", a.err)
		}
		waiting := askAsync(t.Context(), c)
		s := w.load(t, c)
		(<-waiting).serves(t, s, (byWay[time.Duration]{2 * time.Second, time.Second, 2 * time.Second})[w])
		if n, want := len(b.Calls()), (byWay[int]{2, 1, 2}); n != want[w] { // a prefetch joins what is under way
			t.Errorf("%d calls, want %d", n, want[w])
		}
	})
}
