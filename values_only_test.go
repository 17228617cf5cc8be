package tenantsecrets_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// gettingAlone makes a client read with GetSecretValue alone.
func gettingAlone(o *tenantsecrets.Options) { o.ValuesOnly = true }

// inDeniedBubble is inBubble with a backend that allows those operations alone,
// once it holds the tenant's secret with these members.
func inDeniedBubble(t *testing.T, members map[string]any, f func(*testing.T, *secretstest.Backend), allowed ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ready := false
		b := secretstest.New(func(o *secretstest.Options) {
			o.Allow = func(a secretstest.Access) bool {
				operation := strings.TrimPrefix(a.Action, "secretsmanager:")
				return !ready || slices.Contains(allowed, operation) || !slices.Contains([]string{describeCall, getCall, createCall, "BatchGetSecretValue"}, operation)
			}
		})
		store(t, b, hmacName, document(t, members))
		b.ClearCalls()
		ready = true
		f(t, b)
	})
}

// moveCurrent puts the label on another version, as somebody does by hand.
func moveCurrent(t *testing.T, b *secretstest.Backend, to string) {
	t.Helper()
	_, err := b.UpdateSecretVersionStage(t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: aws.String(hmacName), VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: &to, RemoveFromVersionId: aws.String(currentID(t, b)),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// One call where the document says what it was built from, two where it does not;
// one for each later load, which keeps what is held.
func TestValuesOnlyCosts(t *testing.T) {
	for name, tt := range map[string]struct {
		members map[string]any
		cold    []string
	}{
		"a document of ours":      {map[string]any{"base": "", "previous": []any{}}, []string{getCall}},
		"a document with no base": {nil, []string{getCall, getCall}},
	} {
		t.Run(name, func(t *testing.T) {
			inDeniedBubble(t, tt.members, func(t *testing.T, b *secretstest.Backend) {
				c := newClient(t, b, gettingAlone)
				s := tenantSecret(t, c)
				checkOperations(t, b, tt.cold...)
				for range 30 { // well past MaxStale, where the plaintext is read again by default
					time.Sleep(ttl)
					ask(t.Context(), c).serves(t, s, 0)
					checkOperations(t, b, getCall)
				}
			}, getCall)
		})
	}
}

func TestValuesOnlySeesARotation(t *testing.T) {
	inDeniedBubble(t, map[string]any{"base": ""}, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b, gettingAlone)
		s := tenantSecret(t, c)
		for range 3 {
			text := document(t, map[string]any{"base": s.VersionID()})
			version := put(t, b, hmacName, text)
			b.ClearCalls()
			time.Sleep(ttl)
			ask(t.Context(), c).servesVersion(t, version, 0)
			checkOperations(t, b, getCall)
			s = tenantSecret(t, c)
			checkKeys(t, s, []string{text}, nil)
		}
	}, getCall)
}

// Whatever goes on, DescribeSecret is never called.
func TestValuesOnlyNeverDescribes(t *testing.T) {
	inDeniedBubble(t, nil, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b, gettingAlone, quiet)
		s := tenantSecret(t, c)
		poll(2*maxStale, time.Minute, func() {
			ask(t.Context(), c).servesVersion(t, s.VersionID(), 0)
			_ = c.VerifyHMAC(t.Context(), tenant, message, forged())
			_ = c.VerifyHMAC(t.Context(), "t_none", message, forged())
		})
		_, _ = c.Refresh(t.Context(), tenant)
		_ = c.Invalidate(tenant)
		_, _ = tenantsecrets.Get(t.Context(), c, tenant, tenantsecrets.DestinationAPIKey("shop"))
		ask(t.Context(), c).servesVersion(t, s.VersionID(), 0)
		for _, call := range b.Calls() {
			if call.Operation != getCall {
				t.Fatalf("%s was called", call.Operation)
			}
		}
	}, getCall)
}

// Nor when a tenant is created whose name is not free.
func TestValuesOnlyCreatesWithoutDescribing(t *testing.T) {
	for name, tt := range map[string]struct {
		begin func(*testing.T, *secretstest.Backend)
		want  error
	}{
		"free":                   {deleteNow, nil},
		"taken":                  {func(*testing.T, *secretstest.Backend) {}, tenantsecrets.ErrExists},
		"scheduled for deletion": {deleteLater, tenantsecrets.ErrPendingDeletion},
	} {
		t.Run(name, func(t *testing.T) {
			inDeniedBubble(t, nil, func(t *testing.T, b *secretstest.Backend) {
				tt.begin(t, b)
				b.ClearCalls()
				_, err := newClient(t, b, gettingAlone).CreateTenant(t.Context(), tenant)
				checkCause(t, err, tt.want)
				if slices.Contains(operations(b), describeCall) {
					t.Error("DescribeSecret was called")
				}
			}, createCall, getCall)
		})
	}
}

// A creation's own snapshot is confirmed by the value's version alone.
func TestValuesOnlyConfirmsWhatItCreated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		c := newClient(t, b, gettingAlone)
		s := created(t, c)
		b.ClearCalls()
		time.Sleep(ttl)
		ask(t.Context(), c).serves(t, s, 0)
		checkOperations(t, b, getCall)
	})
}

// A secret that was deleted and made anew under the same version id is another.
func TestValuesOnlyTellsLivesApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		const token = "775dff08-e11c-883e-bb8e-1e5540be8e90"
		create := func(text string) {
			_, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
				Name: aws.String(hmacName), SecretString: &text, ClientRequestToken: aws.String(token),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		first, second := document(t, nil), document(t, nil)
		create(first)
		c := newClient(t, b, gettingAlone)
		checkKeys(t, tenantSecret(t, c), []string{first}, []string{second})
		deleteNow(t, b)
		create(second)
		time.Sleep(ttl)
		checkKeys(t, tenantSecret(t, c), []string{second}, []string{first})
	})
}

// The label was moved back by hand: of the version that is previous now the current
// document knows nothing, and does not show it. A signature of its key does.
func TestValuesOnlyAfterTheLabelWasMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		first := document(t, map[string]any{"base": "", "previous": []any{}})
		store(t, b, hmacName, first)
		id := currentID(t, b)
		second := document(t, map[string]any{"base": id, "previous": []any{}})
		put(t, b, hmacName, second)
		moveCurrent(t, b, id)

		c := newClient(t, b, gettingAlone)
		for range 2 {
			checkKeys(t, tenantSecret(t, c), []string{first}, []string{second})
			time.Sleep(ttl)
		}
		b.ClearCalls()
		tenantSecret(t, c) // fresh again
		time.Sleep(mismatchGap)
		b.ClearCalls()
		verify(t.Context(), c, signedBy(t, second, message)).accepts(t, 0)
		checkOperations(t, b, getCall, getCall)
		for range 2 { // and later loads keep it
			s := tenantSecret(t, c)
			checkKeys(t, s, []string{first, second}, nil)
			time.Sleep(ttl)
			b.ClearCalls()
			ask(t.Context(), c).serves(t, s, 0)
			checkOperations(t, b, getCall)
		}
	})
}

// The keys of a version that somebody has replaced end a day after the current
// version was written, whatever was changed since, without a load.
func TestValuesOnlyGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		old, current := document(t, nil), document(t, nil)
		store(t, b, hmacName, old)
		time.Sleep(time.Hour)
		put(t, b, hmacName, current)
		time.Sleep(23 * time.Hour)
		putUnder(t, b, "of-an-auditor")
		s := tenantSecret(t, newClient(t, b, gettingAlone))
		time.Sleep(time.Hour - 1)
		checkKeys(t, s, []string{current, old}, nil)
		time.Sleep(time.Nanosecond)
		checkKeys(t, s, []string{current}, []string{old})
	})
}

// A previous version that gives no key is logged once, and looked for again by no
// later load.
func TestValuesOnlyWithAPreviousThatCannotBeUsed(t *testing.T) {
	for what, old := range map[string]func(*testing.T) string{
		"malformed": func(*testing.T) string { return "malformed" },
		"another's": with("tenant_id", otherTenant),
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := secretstest.New()
				current := document(t, nil)
				store(t, b, hmacName, old(t))
				put(t, b, hmacName, current)
				var logged bytes.Buffer
				c := newClient(t, b, gettingAlone, logInto(&logged))
				s := tenantSecret(t, c)
				checkKeys(t, s, []string{current}, nil)
				if tags, err := macs(s); err != nil || tags != 1 {
					t.Errorf("%d keys are live (%v), want 1", tags, err)
				}
				b.ClearCalls()
				time.Sleep(ttl)
				ask(t.Context(), c).serves(t, s, 0)
				checkOperations(t, b, getCall)
				if n := strings.Count(logged.String(), "level=WARN"); n != 1 || c.Stats().BadPrevious != 1 {
					t.Errorf("%d warnings, counted %d, want 1", n, c.Stats().BadPrevious)
				}
			})
		})
	}
}

// A prefetch does not read the previous version. The next load, which would not
// look for it where the current one is known, does so.
func TestValuesOnlyAfterAPrefetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		old, current := document(t, nil), document(t, nil)
		store(t, b, hmacName, old)
		put(t, b, hmacName, current)
		c := newClient(t, b, gettingAlone)
		checkKeys(t, byPrefetch.load(t, c), []string{current}, []string{old})
		for _, want := range [][]string{{getCall, getCall}, {getCall}} {
			time.Sleep(ttl)
			b.ClearCalls()
			checkKeys(t, tenantSecret(t, c), []string{current, old}, nil)
			checkOperations(t, b, want...)
		}
	})
}
