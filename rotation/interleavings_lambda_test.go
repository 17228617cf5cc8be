package rotation_test

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// drives is Secrets Manager with a rotation function.
func drives() *role {
	return &role{
		name: "lambda", kind: "lambda", opens: "RotateSecret", makes: driven,
		act: func(ctx context.Context, w *world, p *port) (string, error) { return "", w.drive(ctx, p, pendingID) },
		again: func(ctx context.Context, w *world, p *port) error {
			w.reattempt(ctx, p)
			if err := w.drive(ctx, p, laterID); err != nil {
				return err
			}
			if w.history.tenures[laterID] == 0 {
				return errors.New("the rotation that AWS drives did not end")
			}
			return nil
		},
	}
}

const (
	pendingID = "11111111-2222-4333-8444-666666666666"
	laterID   = "11111111-2222-4333-8444-777777777777"
	lambdaARN = "arn:aws:lambda:us-east-1:123456789012:function:rotate"
)

// drive makes Secrets Manager rotate.
func (w *world) drive(ctx context.Context, p *port, versionID string) error {
	h := w.handler(p)
	w.backend.RegisterLambda(lambdaARN, func(ctx context.Context, e secretstest.RotationEvent) error {
		return h(ctx, rotation.Event(e))
	})
	_, err := p.RotateSecret(ctx, &secretsmanager.RotateSecretInput{
		SecretId: &w.secret, RotationLambdaARN: aws.String(lambdaARN), ClientRequestToken: &versionID,
	})
	return err
}

// reattempt is what Secrets Manager does about a rotation that has not ended.
func (w *world) reattempt(ctx context.Context, p *port) {
	pending := w.history.last().holder("AWSPENDING")
	if pending == "" {
		return
	}
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
		e := rotation.Event{Step: step, SecretID: w.arn, ClientRequestToken: pending}
		if w.handler(p)(ctx, e) != nil {
			return
		}
	}
}

func (w *world) handler(p *port) func(context.Context, rotation.Event) error {
	h, err := w.rotator(p).Handler()
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}
