package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// interrupted lets something happen just before a call of one operation, once.
type interrupted struct {
	*secretstest.Backend
	get, put, stage func()
}

func fire(f *func()) {
	if f := *f; f != nil {
		f()
	}
	*f = nil
}

func (i *interrupted) GetSecretValue(
	ctx context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.GetSecretValueOutput, error) {
	fire(&i.get)
	return i.Backend.GetSecretValue(ctx, in)
}

func (i *interrupted) PutSecretValue(
	ctx context.Context, in *secretsmanager.PutSecretValueInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.PutSecretValueOutput, error) {
	fire(&i.put)
	return i.Backend.PutSecretValue(ctx, in)
}

func (i *interrupted) UpdateSecretVersionStage(
	ctx context.Context, in *secretsmanager.UpdateSecretVersionStageInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.UpdateSecretVersionStageOutput, error) {
	fire(&i.stage)
	return i.Backend.UpdateSecretVersionStage(ctx, in)
}

// moves are what may make another version current than the pending one was made after.
var moves = map[string]func(d *stepwise, older string){
	"a foreign write":           func(d *stepwise, _ string) { d.putForeign() },
	"a label moved by hand":     func(d *stepwise, older string) { d.move(stageCurrent, older) },
	"a revocation half way":     func(d *stepwise, _ string) { d.revokeLeavingPending() },
	"a write, moved back since": func(d *stepwise, _ string) { d.moveBack(func() { d.putForeign() }) },
	"a revocation, moved back":  func(d *stepwise, _ string) { d.moveBack(d.revokeLeavingPending) },
}

// moveBack makes what is current current again after a change.
func (d *stepwise) moveBack(change func()) {
	d.Helper()
	before := d.holder(stageCurrent)
	time.Sleep(time.Second)
	change()
	time.Sleep(time.Second)
	d.move(stageCurrent, before)
}

// revokeLeavingPending revokes a key that does not sign, and leaves AWSPENDING.
func (d *stepwise) revokeLeavingPending() {
	d.Helper()
	d.revokeHalf(d.member(d.holder(stageCurrent), "kid"))
}

// revokeHalf ends before it has taken AWSPENDING off.
func (d *stepwise) revokeHalf(kid string) {
	d.Helper()
	remove := d.backend.Inject(secretstest.Fault{Operation: "UpdateSecretVersionStage", Err: secretstest.Throttling()})
	defer remove()
	result, err := d.rotator.Revoke(d.Context(), tenant, kid)
	if result.Outcome != rotation.Done || !errors.Is(err, tenantsecrets.ErrUnavailable) {
		d.Fatalf("%v, error %v", result.Outcome, err)
	}
}

// inSecondRotation is inSteps after one rotation, with the second one under way, which
// has the id of the version before.
func inSecondRotation(t *testing.T, test func(d *stepwise, older string)) {
	t.Helper()
	inSteps(t, func(d *stepwise) {
		d.mustTake(fourSteps...)
		time.Sleep(time.Minute)
		d.begin()
		test(d, d.holder(stagePrevious))
	})
}

// TestAnotherVersionIsCurrentBetweenSteps moves what is current under a rotation, before
// each of its steps: it never ends in what was moved to being lost.
func TestAnotherVersionIsCurrentBetweenSteps(t *testing.T) {
	for name, move := range moves {
		for i := 1; i < len(fourSteps); i++ {
			t.Run(fmt.Sprintf("%s before %s", name, fourSteps[i]), func(t *testing.T) {
				inSecondRotation(t, func(d *stepwise, older string) {
					d.mustTake(fourSteps[:i]...)
					move(d, older)
					current := d.holder(stageCurrent)
					var err error
					for _, step := range fourSteps[i:] {
						if err = d.take(step); err != nil {
							break
						}
					}
					if !errors.Is(err, rotation.ErrAbandoned) {
						d.Errorf("error %v, want ErrAbandoned", err)
					}
					if got := d.holder(stageCurrent); got != current {
						d.Errorf("%s is current, want %s", got, current)
					}
					d.checkGivenUp()
				})
			})
		}
	}
}

// TestAnotherVersionIsCurrentBeforeTheFirstStep needs nothing to be given up: nothing is
// made yet.
func TestAnotherVersionIsCurrentBeforeTheFirstStep(t *testing.T) {
	for name, move := range moves {
		t.Run(name, func(t *testing.T) {
			inSecondRotation(t, func(d *stepwise, older string) {
				move(d, older)
				d.mustTake(fourSteps...)
				d.checkComplete()
			})
		})
	}
}

// TestAnotherVersionIsCurrentWithinAStep moves what is current between a step's reads
// and its write.
func TestAnotherVersionIsCurrentWithinAStep(t *testing.T) {
	for name, move := range moves {
		if name == "a write, moved back since" || name == "a revocation, moved back" {
			continue // done while a call is under way, nobody could tell
		}
		t.Run(name, func(t *testing.T) {
			inSecondRotation(t, func(d *stepwise, older string) {
				api := &interrupted{Backend: d.backend, put: func() { move(d, older) }}
				d.rewire(api)
				d.mustTake("createSecret")
				d.wantsError("setSecret", rotation.ErrAbandoned)
				d.checkGivenUp()
			})
			inSecondRotation(t, func(d *stepwise, older string) {
				api := &interrupted{Backend: d.backend, stage: func() { move(d, older) }}
				d.rewire(api)
				d.mustTake(fourSteps[:3]...)
				d.wantsError("finishSecret", rotation.ErrAbandoned)
				d.checkGivenUp()
			})
			inSecondRotation(t, func(d *stepwise, older string) {
				d.mustTake(fourSteps[:2]...)
				d.rewire(&interrupted{Backend: d.backend, get: func() { move(d, older) }})
				d.wantsError("testSecret", tenantsecrets.ErrUnavailable) // or else its read lags behind
				d.wantsError("testSecret", rotation.ErrAbandoned)
				d.checkGivenUp()
			})
		})
	}
}

// TestLabelMovedAndBackAgain changes nothing that the rotation follows from.
func TestLabelMovedAndBackAgain(t *testing.T) {
	for i := range fourSteps {
		inSecondRotation(t, func(d *stepwise, older string) {
			d.mustTake(fourSteps[:i]...)
			d.moveBack(func() { d.move(stageCurrent, older) })
			d.mustTake(fourSteps[i:]...)
			d.checkComplete()
		})
	}
}

// TestRevocationEndsARotation is about a Revoke that comes to its end: the step after it
// finds no rotation, and the next rotation does not bring the key back.
func TestRevocationEndsARotation(t *testing.T) {
	for i := range fourSteps {
		inSecondRotation(t, func(d *stepwise, _ string) {
			d.mustTake(fourSteps[:i]...)
			leaked := d.holder(stageCurrent)
			signature := d.sign(leaked)
			d.wants(rotation.Done)(d.rotator.Revoke(d.Context(), tenant, d.member(leaked, "kid")))
			if pending := d.holder(stagePending); pending != "" {
				d.Errorf("%s is still pending", pending)
			}
			d.checkGivenUp()
			if err := d.verify(signature); !errors.Is(err, tenantsecrets.ErrSignature) {
				d.Errorf("a signature with the revoked key: error %v", err)
			}
		})
	}
}

// TestRevocationThatMadeNoKey is moved back: then the pending version has every key that
// is live, and one that is revoked.
func TestRevocationThatMadeNoKey(t *testing.T) {
	for _, step := range fourSteps[2:] {
		inSecondRotation(t, func(d *stepwise, older string) {
			d.mustTake(fourSteps[:2]...)
			d.moveBack(func() { d.revokeHalf(older) })
			d.wantsError(step, rotation.ErrAbandoned)
			d.begin()
			d.mustTake(fourSteps...)
			if err := d.verify(d.first); !errors.Is(err, tenantsecrets.ErrMismatch) {
				d.Errorf("a signature with the revoked key: error %v", err)
			}
		})
	}
}

// TestPendingOfAnotherProgram is a document that somebody else has put under the token.
func TestPendingOfAnotherProgram(t *testing.T) {
	const key = `"shared_secret":"0123456789012345678901234567890123456789012","created_at":"2000-01-01T00:00:00Z","version":"1.0"`
	for name, text := range map[string]string{
		"without base":      `{` + key + `,"tenant_id":"t_abc123"}`,
		"another base":      `{` + key + `,"tenant_id":"t_abc123","base":"00000000-0000-4000-8000-000000000000"}`,
		"no JSON":           `shared_secret`,
		"base no string":    `{` + key + `,"tenant_id":"t_abc123","base":1}`,
		"without live keys": `{` + key + `,"tenant_id":"t_abc123","base":"CURRENT"}`,
		"no document":       `{"base":"CURRENT"}`,
		"another tenant's":  `{` + key + `,"tenant_id":"t_other","base":"CURRENT"}`,
	} {
		for _, step := range []string{"testSecret", "finishSecret"} {
			t.Run(name+", "+step, func(t *testing.T) {
				inSteps(t, func(d *stepwise) {
					d.fill(text)
					d.wantsError(step, rotation.ErrAbandoned)
					d.checkGivenUp()
				})
			})
		}
	}
}

func TestPendingThatIsBinary(t *testing.T) {
	for _, step := range fourSteps {
		inSteps(t, func(d *stepwise) {
			if _, err := d.backend.PutSecretValue(d.Context(), &secretsmanager.PutSecretValueInput{
				SecretId: &d.name, SecretBinary: []byte("{}"), ClientRequestToken: &d.event.ClientRequestToken, VersionStages: []string{stagePending},
			}); err != nil {
				d.Fatal(err)
			}
			d.wantsError(step, rotation.ErrAbandoned)
			d.checkGivenUp()
		})
	}
}
