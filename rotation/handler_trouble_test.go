package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// trouble is what happens to a step's calls, from the nth on.
type trouble struct {
	name   string
	faults func(n int) []secretstest.Fault
	want   error // of the step, unless it succeeds all the same
}

func once(n int, err error) secretstest.Fault { return secretstest.Fault{After: n, Times: 1, Err: err} }

var troubles = []trouble{
	{"throttled", func(n int) []secretstest.Fault {
		return []secretstest.Fault{once(n, secretstest.Throttling())}
	}, tenantsecrets.ErrUnavailable},
	{"internal error", func(n int) []secretstest.Fault {
		return []secretstest.Fault{once(n, secretstest.InternalError())}
	}, tenantsecrets.ErrUnavailable},
	{"denied", func(n int) []secretstest.Fault {
		return []secretstest.Fault{once(n, secretstest.AccessDenied())}
	}, tenantsecrets.ErrAccessDenied},
	{"expired credentials", func(n int) []secretstest.Fault {
		return []secretstest.Fault{once(n, secretstest.ExpiredToken())}
	}, tenantsecrets.ErrUnavailable},
	{"no connection", func(n int) []secretstest.Fault {
		return []secretstest.Fault{once(n, secretstest.ConnectionReset())}
	}, tenantsecrets.ErrUnavailable},
	{"no answer in time", func(n int) []secretstest.Fault {
		return []secretstest.Fault{{After: n, Times: 1, Delay: time.Hour}}
	}, tenantsecrets.ErrUnavailable},
	{"a lost answer", func(n int) []secretstest.Fault {
		return []secretstest.Fault{{After: n, Times: 1, LostAnswer: true}}
	}, tenantsecrets.ErrUnavailable},
	{"two lost answers", func(n int) []secretstest.Fault {
		return []secretstest.Fault{{After: n, Times: 2, LostAnswer: true}}
	}, tenantsecrets.ErrUnavailable},
	{"every answer lost", func(n int) []secretstest.Fault {
		return []secretstest.Fault{{After: n, LostAnswer: true}}
	}, tenantsecrets.ErrUnavailable},
	{"the end before it", func(n int) []secretstest.Fault {
		return []secretstest.Fault{{After: n, Err: secretstest.ConnectionReset()}}
	}, tenantsecrets.ErrUnavailable},
	{"the end after it", func(n int) []secretstest.Fault {
		return []secretstest.Fault{{After: n, Times: 1, LostAnswer: true}, {After: n + 1, Err: secretstest.ConnectionReset()}}
	}, tenantsecrets.ErrUnavailable},
}

// takeIn takes a step in trouble, and tells whether the trouble found a call to hit.
func (d *stepwise) takeIn(step string, trouble trouble, n int) (hit bool, err error) {
	d.backend.ClearCalls()
	remove := d.backend.Inject(trouble.faults(n)...)
	err = d.take(step)
	remove()
	return len(d.backend.Calls()) > n, err
}

// eachCall runs a test with every trouble at every call that a step makes; it returns
// false where there was no call to hit.
func eachCall(t *testing.T, step string, test func(t *testing.T, trouble trouble, n int) (hit bool)) {
	t.Helper()
	for _, trouble := range troubles {
		for n := 0; ; n++ {
			hit := false
			t.Run(fmt.Sprintf("%s, call %d, %s", step, n, trouble.name), func(t *testing.T) { hit = test(t, trouble, n) })
			if !hit {
				if n < 2 {
					t.Errorf("%s: %d calls", step, n)
				}
				break
			}
		}
	}
}

// TestTroubleAtEveryCallOfAStep lets every call of every step fail in every way. What is
// current stays good, and the step, or the whole rotation, taken again comes to its
// end.
func TestTroubleAtEveryCallOfAStep(t *testing.T) {
	for i, step := range fourSteps {
		eachCall(t, step, func(t *testing.T, trouble trouble, n int) (hit bool) {
			for _, again := range [][]string{fourSteps[i:], fourSteps} {
				inSteps(t, func(d *stepwise) {
					d.mustTake(fourSteps[:i]...)
					before := d.holder(stageCurrent)
					var err error
					hit, err = d.takeIn(step, trouble, n)
					if err != nil && !errors.Is(err, trouble.want) {
						d.Errorf("error %v, want %v", err, trouble.want)
					}
					d.checkFirst()
					if current := d.holder(stageCurrent); step != "finishSecret" && current != before {
						d.Errorf("%s is current", current)
					}
					d.mustTake(again...)
					d.checkComplete()
				})
			}
			return hit
		})
	}
}

// TestOneLostAnswerOfAWriteIsNoError repeats what may have taken effect, or looks.
func TestOneLostAnswerOfAWriteIsNoError(t *testing.T) {
	for name, fault := range map[string]secretstest.Fault{
		"put":            {Operation: "PutSecretValue", LostAnswer: true},
		"put, failing":   {Operation: "PutSecretValue", Err: secretstest.InternalError()},
		"promotion":      {Operation: "UpdateSecretVersionStage", LostAnswer: true},
		"label taken":    {Operation: "UpdateSecretVersionStage", LostAnswer: true, After: 1},
		"promotion lost": {Operation: "UpdateSecretVersionStage", Err: secretstest.ConnectionReset()},
	} {
		t.Run(name, func(t *testing.T) {
			inSteps(t, func(d *stepwise) {
				fault.Times = 1
				defer d.backend.Inject(fault)()
				d.mustTake(fourSteps...)
				d.checkComplete()
			})
		})
	}
}

// TestTroubleWhileARotationIsGivenUp does the same to a rotation that cannot succeed any
// more: it must end without its label, and never be promoted.
func TestTroubleWhileARotationIsGivenUp(t *testing.T) {
	for _, step := range fourSteps {
		eachCall(t, step, func(t *testing.T, trouble trouble, n int) (hit bool) {
			inSteps(t, func(d *stepwise) {
				d.mustTake("createSecret")
				current := d.putForeign()
				var err error
				hit, err = d.takeIn(step, trouble, n)
				if !errors.Is(err, rotation.ErrAbandoned) && !errors.Is(err, trouble.want) {
					d.Errorf("error %v, want %v", err, trouble.want)
				}
				want := rotation.ErrAbandoned
				if d.holder(stagePending) == "" {
					want = rotation.ErrStep
				}
				d.wantsError(step, want)
				if got := d.holder(stageCurrent); got != current {
					d.Errorf("%s is current", got)
				}
				d.checkGivenUp()
			})
			return hit
		})
	}
}

// TestTroubleAfterThePromotion is about a step that finds its version current with the
// label still on it.
func TestTroubleAfterThePromotion(t *testing.T) {
	for _, step := range fourSteps {
		eachCall(t, step, func(t *testing.T, trouble trouble, n int) (hit bool) {
			inSteps(t, func(d *stepwise) {
				d.mustTake(fourSteps[:3]...)
				d.move(stageCurrent, d.event.ClientRequestToken)
				var err error
				if hit, err = d.takeIn(step, trouble, n); err != nil && !errors.Is(err, trouble.want) {
					d.Errorf("error %v, want %v", err, trouble.want)
				}
				d.mustTake(step)
				d.checkComplete()
			})
			return hit
		})
	}
}

// TestCallerThatStopsWaiting ends a step's context at every call.
func TestCallerThatStopsWaiting(t *testing.T) {
	for i, step := range fourSteps {
		for n := 0; ; n++ {
			hit := false
			inSteps(t, func(d *stepwise) {
				d.mustTake(fourSteps[:i]...)
				d.backend.ClearCalls()
				remove := d.backend.Inject(secretstest.Fault{After: n, Delay: time.Hour})
				ctx, cancel := context.WithTimeout(d.Context(), time.Second)
				defer cancel()
				e := d.event
				e.Step = step
				err := d.handle(ctx, e)
				remove()
				hit = len(d.backend.Calls()) > n
				if hit && (!errors.Is(err, tenantsecrets.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded)) {
					d.Errorf("%s, call %d: error %v", step, n, err)
				}
				d.mustTake(fourSteps[i:]...)
				d.checkComplete()
			})
			if !hit {
				break
			}
		}
	}
}

// TestKeyIsDenied is about KMS, which reads and writes of values need.
func TestKeyIsDenied(t *testing.T) {
	for _, state := range []secretstest.KeyState{secretstest.KeyDenied, secretstest.KeyDisabled} {
		for i, step := range fourSteps {
			inSteps(t, func(d *stepwise) {
				d.mustTake(fourSteps[:i]...)
				d.backend.SetKMSKey("alias/aws/secretsmanager", state)
				d.wantsError(step, tenantsecrets.ErrAccessDenied)
				d.backend.SetKMSKey("alias/aws/secretsmanager", secretstest.KeyEnabled)
				d.mustTake(fourSteps[i:]...)
				d.checkComplete()
			})
		}
	}
}

// TestHandlerWithAWrongClock refuses to make a document with wrong times in it.
func TestHandlerWithAWrongClock(t *testing.T) {
	for _, off := range []time.Duration{-time.Minute, time.Minute} {
		inSteps(t, func(d *stepwise) {
			r, err := rotation.New(d.client, d.backend, func(o *rotation.Options) {
				o.Now = func() time.Time { return time.Now().Add(off) }
			})
			if err != nil {
				d.Fatal(err)
			}
			right := d.handle
			if d.handle, err = r.Handler(); err != nil {
				d.Fatal(err)
			}
			d.backend.ClearCalls()
			d.wantsError("createSecret", rotation.ErrClock)
			d.checkNoWrites()
			d.handle = right
			d.mustTake(fourSteps...)
			d.checkComplete()
		})
	}
}
