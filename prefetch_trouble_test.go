package tenantsecrets_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

type (
	batchInput  = secretsmanager.BatchGetSecretValueInput
	batchOutput = secretsmanager.BatchGetSecretValueOutput
)

// batching is a backend whose batches are answered by a function, which may ask
// the backend.
type batching struct {
	*secretstest.Backend
	batch func(ctx context.Context, in *batchInput, b *secretstest.Backend) (*batchOutput, error)
}

func (b *batching) BatchGetSecretValue(ctx context.Context, in *batchInput, _ ...func(*secretsmanager.Options)) (*batchOutput, error) {
	return b.batch(ctx, in, b.Backend)
}

// A call that gets no answer is made again, and what it was about is not held back
// for anybody else.
func TestPrefetchAsksAgainWhereNoAnswerCame(t *testing.T) {
	for name, fault := range map[string]secretstest.Fault{
		"throttling":       {Err: secretstest.Throttling()},
		"internal error":   {Err: secretstest.InternalError()},
		"expired token":    {Err: secretstest.ExpiredToken()},
		"connection reset": {Err: secretstest.ConnectionReset()},
		"lost answer":      {LostAnswer: true},
	} {
		t.Run(name, func(t *testing.T) {
			for times := range len(prefetchRounds) + 1 {
				inBubble(t, func(t *testing.T, b *secretstest.Backend) {
					fault.Operation, fault.Times = batchCall, times
					if times > 0 {
						b.Inject(fault)
					}
					checkRounds(t, b, times)
				})
			}
		})
	}
}

// checkRounds wants a prefetch to end after so many calls without an answer.
func checkRounds(t *testing.T, b *secretstest.Backend, failures int) {
	t.Helper()
	c := newClient(t, b)
	began := time.Now()
	p := prefetch(t.Context(), c, []string{tenant})
	last := min(failures, len(prefetchRounds)-1)
	if failures == last {
		p.loads(t, prefetchRounds[last], tenant)
	} else {
		p.failAll(t, prefetchRounds[last], []string{tenant}, tenantsecrets.ErrUnavailable)
	}
	checkBatches(t, b, began, prefetchRounds[:last+1]...)
	if a := ask(t.Context(), c); a.err != nil || a.took != 0 {
		t.Errorf("then a call got %v after %v", a.err, a.took)
	}
	if failures > last {
		checkOperations(t, b, describeCall, getCall)
	}
}

// The code of the last answer is found in the error.
func TestPrefetchKeepsTheCode(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
		p := prefetch(t.Context(), newClient(t, b), []string{tenant})
		var api smithy.APIError
		if !errors.As(p.err, &api) || api.ErrorCode() != "ThrottlingException" {
			t.Errorf("no code in %v", p.err)
		}
	})
}

// Without the permission nothing is tried again, and everything else goes on.
func TestPrefetchWithoutPermission(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		b.Inject(secretstest.Fault{Operation: batchCall, Err: secretstest.AccessDenied()})
		ids := storeTenants(t, b, 3)
		c := newClient(t, b)
		prefetch(t.Context(), c, append(ids, tenant)).failAll(t, 0, append(ids, tenant), tenantsecrets.ErrAccessDenied)
		checkOperations(t, b, batchCall)
		for range 2 {
			if a := ask(t.Context(), c); a.err != nil || a.took != 0 {
				t.Errorf("then a call got %v after %v", a.err, a.took)
			}
		}
		checkOperations(t, b, describeCall, getCall)
	})
}

// An entry without an answer is asked for again by itself.
func TestPrefetchAsksAgainForOneOfABatch(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		ids := storeTenants(t, b, batchSize)
		b.Inject(secretstest.Fault{SecretID: nameOf(ids[7]), Times: 2, Err: secretstest.InternalError()})
		c := newClient(t, b)
		prefetch(t.Context(), c, ids).loads(t, prefetchRounds[2], ids...)
		calls := b.Calls()
		if len(calls) != 3 || len(calls[1].SecretIDs) != 1 || len(calls[2].SecretIDs) != 1 {
			t.Errorf("calls are %v", calls)
		}
		checkServed(t, b, c, ids...)
	})
}

// Who asks during a batch waits for it, and for no more than it.
func TestCallersJoinABatch(t *testing.T) {
	const call = 100 * time.Millisecond
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		b.Inject(secretstest.Fault{Delay: call})
		c := newClient(t, b)
		done := prefetchAsync(t.Context(), c, []string{tenant})
		var callers []<-chan answer
		for range 100 {
			callers = append(callers, askAsync(t.Context(), c))
		}
		for _, caller := range callers {
			if a := <-caller; a.err != nil || a.took != call {
				t.Errorf("a caller got %v after %v", a.err, a.took)
			}
		}
		(<-done).loads(t, call, tenant)
		checkOperations(t, b, batchCall)
	})
}

// A batch that fails is nobody's failure but its own: they load for themselves, at
// once, and then there is nothing left for it to do.
func TestCallersLoadForThemselvesWhereABatchFails(t *testing.T) {
	const call = 100 * time.Millisecond
	fail := func(err error) func(context.Context, *batchInput, *secretstest.Backend) (*batchOutput, error) {
		return func(ctx context.Context, _ *batchInput, _ *secretstest.Backend) (*batchOutput, error) {
			pause(ctx, call)
			return nil, err
		}
	}
	for name, test := range map[string]struct {
		batch func(context.Context, *batchInput, *secretstest.Backend) (*batchOutput, error)
		want  error
	}{
		"throttled": {fail(secretstest.Throttling()), nil},
		"denied":    {fail(secretstest.AccessDenied()), tenantsecrets.ErrAccessDenied},
		"no output": {fail(nil), nil},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				slowLoads(b, call)
				c := newClient(t, &batching{b, test.batch})
				done := prefetchAsync(t.Context(), c, []string{tenant})
				a := ask(t.Context(), c)
				if a.err != nil || a.took != 3*call {
					t.Errorf("a caller got %v after %v", a.err, a.took)
				}
				p := <-done
				p.ends(t, tenant, test.want)
				checkOperations(t, b, describeCall, getCall)
			})
		})
	}
}

// A load that is under way is not made a second time.
func TestPrefetchJoinsACallersLoad(t *testing.T) {
	const call = 100 * time.Millisecond
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		slowLoads(b, call)
		c := newClient(t, b)
		caller := askAsync(t.Context(), c)
		prefetch(t.Context(), c, []string{tenant}).loads(t, 2*call, tenant)
		if a := <-caller; a.err != nil || a.took != 2*call {
			t.Errorf("the caller got %v after %v", a.err, a.took)
		}
		checkOperations(t, b, describeCall, getCall)
	})
}

// A batch takes one turn, and its loads none.
func TestPrefetchTakesTurns(t *testing.T) {
	const call = 100 * time.Millisecond
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		b.Inject(secretstest.Fault{Delay: call})
		ids := storeTenants(t, b, 3*batchSize)
		c := newClient(t, b, oneSlot)
		first := askAsync(t.Context(), c) // has the turn for two calls
		done := prefetchAsync(t.Context(), c, ids, unlimited)
		joining := make(chan error, 1)
		go func() { _, err := c.TenantSecret(t.Context(), ids[0]); joining <- err }()
		if a := <-first; a.err != nil || a.took != 2*call {
			t.Errorf("the first caller got %v after %v", a.err, a.took)
		}
		(<-done).loads(t, 5*call, ids...)
		if err := <-joining; err != nil {
			t.Error(err)
		}
		checkServed(t, b, c, ids...)
	})
}

// Whatever ends a prefetch, what it has not loaded is reported, at once.
func TestPrefetchIsEnded(t *testing.T) {
	const call, end = 100 * time.Millisecond, 60 * time.Millisecond
	for name, test := range map[string]struct {
		end  func(c *tenantsecrets.Client, cancel func())
		want []error
	}{
		"cancelled": {func(_ *tenantsecrets.Client, cancel func()) { cancel() }, []error{context.Canceled, tenantsecrets.ErrUnavailable}},
		"closed":    {func(c *tenantsecrets.Client, _ func()) { c.Close() }, []error{tenantsecrets.ErrClosed}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *secretstest.Backend) {
				b.Inject(secretstest.Fault{Operation: batchCall, Delay: call})
				ids := storeTenants(t, b, 5*batchSize)
				c := newClient(t, b)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				time.AfterFunc(end, func() { test.end(c, cancel) })
				prefetch(ctx, c, ids).failAll(t, end, ids, test.want...)
				checkOperations(t, b, batchCall, batchCall)
			})
		})
	}
}

// The waits between rounds end too.
func TestPrefetchIsEndedBetweenRounds(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		b.Inject(secretstest.Fault{Operation: batchCall, Err: secretstest.Throttling()})
		c := newClient(t, b)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		prefetch(ctx, c, []string{tenant}).failAll(t, 2*time.Second, []string{tenant}, context.DeadlineExceeded)
		time.AfterFunc(2*time.Second, c.Close)
		prefetch(t.Context(), c, []string{tenant}).failAll(t, 2*time.Second, []string{tenant}, tenantsecrets.ErrClosed)
		synctest.Wait() // a round that was due when the client was closed is over
		b.ClearCalls()
		prefetch(t.Context(), c, []string{tenant}).failAll(t, 0, []string{tenant}, tenantsecrets.ErrClosed)
		checkOperations(t, b)
	})
}

// Who has joined a batch that its own caller ends is not ended with it.
func TestCancelledPrefetchHarmsNobody(t *testing.T) {
	const call = 100 * time.Millisecond
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		b.Inject(secretstest.Fault{Delay: call})
		c := newClient(t, b)
		ctx, cancel := context.WithCancel(t.Context())
		done := prefetchAsync(ctx, c, []string{tenant})
		caller := askAsync(t.Context(), c)
		time.Sleep(call / 2)
		cancel()
		(<-done).failAll(t, call/2, []string{tenant}, context.Canceled)
		if a := <-caller; a.err != nil || a.took != call/2+2*call {
			t.Errorf("the caller got %v after %v", a.err, a.took)
		}
		checkOperations(t, b, batchCall, describeCall, getCall)
	})
}

// Answers come in any number of pages, also of nothing.
func TestPrefetchReadsAllPages(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		sizes := []int{0, 7, 0, 0, 12, 1}
		page := 0
		api := &batching{b, func(ctx context.Context, in *batchInput, b *secretstest.Backend) (*batchOutput, error) {
			if page == 0 != (in.NextToken == nil) || page > 0 && *in.NextToken != "next" {
				t.Errorf("page %d is asked for with %v", page, in.NextToken)
			}
			out, err := b.BatchGetSecretValue(ctx, &batchInput{SecretIdList: in.SecretIdList})
			first := 0
			for _, size := range sizes[:page] {
				first += size
			}
			out.SecretValues = out.SecretValues[first : first+sizes[page]]
			if page++; page < len(sizes) {
				out.NextToken = aws.String("next")
			}
			return out, err
		}}
		ids := storeTenants(t, b, batchSize)
		c := newClient(t, api)
		prefetch(t.Context(), c, ids).loads(t, 0, ids...)
		if page != len(sizes) {
			t.Errorf("%d pages were read", page)
		}
		checkServed(t, b, c, ids...)
	})
}

// What one page brought is kept where the next one does not come.
func TestPrefetchKeepsThePagesBeforeAFailure(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		var asked []int
		api := &batching{b, func(ctx context.Context, in *batchInput, b *secretstest.Backend) (*batchOutput, error) {
			if in.NextToken != nil {
				return nil, secretstest.Throttling()
			}
			asked = append(asked, len(in.SecretIdList))
			out, err := b.BatchGetSecretValue(ctx, in)
			if len(out.SecretValues) > 8 {
				out.SecretValues, out.NextToken = out.SecretValues[:8], aws.String("next")
			}
			return out, err
		}}
		ids := storeTenants(t, b, batchSize)
		c := newClient(t, api)
		prefetch(t.Context(), c, ids).loads(t, prefetchRounds[2], ids...)
		if want := []int{20, 12, 4}; !slices.Equal(asked, want) {
			t.Errorf("calls were for %v secrets, want %v", asked, want)
		}
		checkServed(t, b, c, ids...)
	})
}
