package tenantsecrets_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// changing answers batches with a change.
func changing(b *secretstest.Backend, change func(*batchOutput)) *batching {
	return &batching{b, func(ctx context.Context, in *batchInput, b *secretstest.Backend) (*batchOutput, error) {
		out, err := b.BatchGetSecretValue(ctx, in)
		if err == nil {
			change(out)
		}
		return out, err
	}}
}

// entryError is what a batch says of one secret.
func entryError(id, code string) types.APIErrorType {
	return types.APIErrorType{SecretId: aws.String(nameOf(id)), ErrorCode: &code, Message: aws.String("no")}
}

// Nothing of a batch is believed because it was asked for: t_0 and t_1 are, of
// which t_0 is what each case is about.
func TestPrefetchTrustsNoAnswer(t *testing.T) {
	wrong, unavailable := tenantsecrets.ErrWrongTenant, tenantsecrets.ErrUnavailable
	for _, test := range []struct {
		what   string
		change func(out *batchOutput)
		want   [2]error
	}{
		{"nothing", func(*batchOutput) {}, [2]error{}},
		{"of names that were not asked for", func(out *batchOutput) {
			foreign := out.SecretValues[0]
			foreign.Name = aws.String(hmacName)
			out.SecretValues = append(out.SecretValues, foreign)
			out.Errors = append(out.Errors, entryError("t_9", "ResourceNotFoundException"), types.APIErrorType{})
		}, [2]error{}},
		{"twice", func(out *batchOutput) { out.SecretValues = append(out.SecretValues, out.SecretValues...) }, [2]error{}},
		{"a value and an error", func(out *batchOutput) {
			out.Errors = append(out.Errors, entryError("t_0", "AccessDeniedException"))
		}, [2]error{tenantsecrets.ErrAccessDenied, nil}},
		{"one left out", func(out *batchOutput) { out.SecretValues = out.SecretValues[1:] }, [2]error{unavailable, nil}},
		{"all left out", func(out *batchOutput) { out.SecretValues = nil }, [2]error{unavailable, unavailable}},
		{"names exchanged", func(out *batchOutput) {
			out.SecretValues[0].Name, out.SecretValues[1].Name = out.SecretValues[1].Name, out.SecretValues[0].Name
		}, [2]error{wrong, wrong}},
		{"texts exchanged", func(out *batchOutput) {
			out.SecretValues[0].SecretString, out.SecretValues[1].SecretString = out.SecretValues[1].SecretString, out.SecretValues[0].SecretString
		}, [2]error{wrong, wrong}},
		{"another account", func(out *batchOutput) {
			out.SecretValues[0].ARN = replaced(out.SecretValues[0].ARN, ":123456789012:", ":999999999999:")
		}, [2]error{wrong, nil}},
		{"no ARN", func(out *batchOutput) { out.SecretValues[0].ARN = nil }, [2]error{wrong, nil}},
		{"no text", func(out *batchOutput) { out.SecretValues[0].SecretString = nil }, [2]error{tenantsecrets.ErrMalformed, nil}},
		{"an unknown code", func(out *batchOutput) {
			out.SecretValues, out.Errors = out.SecretValues[1:], []types.APIErrorType{entryError("t_0", "Sometimes")}
		}, [2]error{unavailable, nil}},
		{"a code of nothing", func(out *batchOutput) {
			out.SecretValues, out.Errors = out.SecretValues[1:], []types.APIErrorType{{SecretId: aws.String(nameOf("t_0"))}}
		}, [2]error{unavailable, nil}},
	} {
		t.Run(test.what, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				checkAltered(t, b, test.change, test.want)
			})
		})
	}
}

func checkAltered(t *testing.T, b *secretstest.Backend, change func(*batchOutput), want [2]error) {
	t.Helper()
	ids := storeTenants(t, b, 2)
	c := newClient(t, changing(b, change), quiet, func(o *tenantsecrets.Options) { o.Account = "123456789012" })
	p := prefetch(t.Context(), c, ids)
	for i, id := range ids {
		p.ends(t, id, want[i])
		if want[i] == nil {
			checkServed(t, b, c, id)
		}
	}
	if n := c.Stats().Held; n != strings.Count(fmt.Sprint(want), "<nil>") {
		t.Errorf("%d are held, where the fates are %v", n, want)
	}
	if p.err != nil {
		checkSilent(t, b, p, ids...)
	}
}

// checkSilent wants errors without the tenants' secrets.
func checkSilent(t *testing.T, b *secretstest.Backend, p prefetched, ids ...string) {
	t.Helper()
	text := fmt.Sprintf("%v %+v", p.err, p.fates)
	for _, id := range ids {
		c := newClient(t, b)
		s, err := c.TenantSecret(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if found := newSearch(s.Secret().Reveal()).find(text); found != "" {
			t.Errorf("errors show %s", found)
		}
	}
}

// Ids that nobody has seen to exist may be prefetched while made-up ones have
// spent their budget, and spend none of it.
func TestPrefetchNeedsNoBudget(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		ids := storeTenants(t, b, 40)
		c := newClient(t, b, func(o *tenantsecrets.Options) { o.UnknownIDs = 1 }) // and 10 at once
		missing := unknownIDs(100)
		prefetch(t.Context(), c, missing, unlimited).failAll(t, 0, missing, tenantsecrets.ErrNotFound)
		notFound, _ := outcomes(t, c, 1000, 1000, 100*time.Millisecond)
		if notFound != 10 {
			t.Errorf("%d ids were looked for, want the burst of 10", notFound)
		}
		prefetch(t.Context(), c, ids, unlimited).loads(t, 0, ids...)
		checkServed(t, b, c, ids...)
	})
}

// What this process wrote, or no longer wants, is not overwritten by an answer
// that was read before.
func TestPrefetchStoresNothingThatIsOutdated(t *testing.T) {
	const call = 100 * time.Millisecond
	late := func(b *secretstest.Backend) *batching {
		return &batching{b, func(ctx context.Context, in *batchInput, b *secretstest.Backend) (*batchOutput, error) {
			out, err := b.BatchGetSecretValue(ctx, in)
			pause(ctx, call)
			return out, err
		}}
	}
	t.Run("CreateTenant", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			const id = "t_new"
			c := newClient(t, late(b))
			done := prefetchAsync(t.Context(), c, []string{id})
			s, err := c.CreateTenant(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(call)
			checkServed(t, b, c, id)
			(<-done).loads(t, call+time.Second, id)
			checkOperations(t, b)
			if got, err := c.TenantSecret(t.Context(), id); got != s {
				t.Errorf("got %v, %v", got, err)
			}
		})
	})
	t.Run("Invalidate", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *secretstest.Backend) {
			old := tenantSecret(t, newClient(t, b))
			c := newClient(t, late(b))
			done := prefetchAsync(t.Context(), c, []string{tenant})
			version := rotate(t, b, old)
			checkIs(t, c.Invalidate(tenant), nil)
			time.Sleep(call)
			ask(t.Context(), c).servesVersion(t, version, 0)
			checkOperations(t, b, describeCall, getCall)
			(<-done).loads(t, call+time.Second, tenant)
			checkOperations(t, b)
		})
	})
}

// What a batch does not show is found by the first load after it, which costs no
// more than any other where there is nothing to find.
func TestFirstLoadAfterAPrefetch(t *testing.T) {
	based := func(t *testing.T, b *secretstest.Backend) { rotate(t, b, tenantSecret(t, newClient(t, b))) }
	tagged := func(t *testing.T, b *secretstest.Backend) {
		_, err := b.TagResource(t.Context(), &secretsmanager.TagResourceInput{
			SecretId: aws.String(hmacName), Tags: []types.Tag{{Key: aws.String("TenantId"), Value: aws.String("t_other")}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		what  string
		store func(*testing.T, *secretstest.Backend)
		want  error
		calls []string
	}{
		{"a document with base", based, nil, []string{describeCall}},
		{"without base, the first version", func(*testing.T, *secretstest.Backend) {}, nil, []string{describeCall, getCall}},
		{"without base, a later one", func(t *testing.T, b *secretstest.Backend) { put(t, b, hmacName, document(t, nil)) }, nil, []string{describeCall, getCall, getCall}},
		{"another tenant's tag", tagged, tenantsecrets.ErrWrongTenant, []string{describeCall}},
	} {
		t.Run(test.what, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				test.store(t, b)
				c := newClient(t, b, quiet)
				prefetch(t.Context(), c, []string{tenant}).loads(t, 0, tenant)
				s := tenantSecret(t, c)
				b.ClearCalls()
				time.Sleep(ttl)
				a := ask(t.Context(), c)
				switch {
				case test.want != nil:
					a.fails(t, 0, test.want)
				case len(test.calls) == 1:
					a.serves(t, s, 0)
				default:
					a.servesVersion(t, s.VersionID(), 0)
				}
				checkOperations(t, b, test.calls...)
			})
		})
	}
}

// A batch has no previous version, so that a signature of its key is what asks
// for it.
func TestPreviousKeyIsFoundAfterAPrefetch(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		before := signed(t, b)
		put(t, b, hmacName, document(t, nil))
		after := signed(t, b)
		c := newClient(t, b)
		prefetch(t.Context(), c, []string{tenant}).loads(t, 0, tenant)
		b.ClearCalls()
		time.Sleep(time.Minute)
		verify(t.Context(), c, after).accepts(t, 0)
		checkOperations(t, b)
		verify(t.Context(), c, before).accepts(t, 0)
		checkOperations(t, b, describeCall, getCall, getCall)
		verify(t.Context(), c, after).accepts(t, 0)
		verify(t.Context(), c, before).accepts(t, 0)
		checkOperations(t, b)
	})
}

// A batch that lags behind cannot tell, so that a secret which was described
// before is described again.
func TestPrefetchBringsNoOlderVersionBack(t *testing.T) {
	for name, forget := range map[string]func(*tenantsecrets.Client){
		"invalidated":   func(c *tenantsecrets.Client) { _ = c.Invalidate(tenant) },
		"aging":         func(*tenantsecrets.Client) { time.Sleep(agesLatest) },
		"past MaxStale": func(*tenantsecrets.Client) { time.Sleep(maxStale) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				version := rotate(t, b, tenantSecret(t, newClient(t, b)))
				c := newClient(t, b)
				ask(t.Context(), c).servesVersion(t, version, 0)
				forget(c)
				b.ClearCalls()
				b.Inject(secretstest.Fault{Operation: batchCall, StaleBy: 2 * maxStale})
				prefetch(t.Context(), c, []string{tenant}).loads(t, 0, tenant)
				if calls := operations(b); !slices.Contains(calls, describeCall) || slices.Contains(calls, batchCall) {
					t.Errorf("calls are %v", calls)
				}
				checkServed(t, b, c, tenant)
				ask(t.Context(), c).servesVersion(t, version, 0)
			})
		})
	}
}
