package rotation_test

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/secretstest"
)

// tapped is a Secrets Manager between which and its caller something happens. Any
// function of it may be nil.
type tapped struct {
	*secretstest.Backend

	// before and after are called around the n-th call, from 0. An error of theirs is
	// the answer.
	before, after func(operation string, n int) error

	// Changes to good answers.
	describe func(*secretsmanager.DescribeSecretOutput)
	get      func(*secretsmanager.GetSecretValueOutput)

	mu    sync.Mutex
	calls int
}

func (t *tapped) next() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls++
	return t.calls - 1
}

// call is one through the tap.
func call[In, Out any](
	t *tapped, operation string, of func(context.Context, In, ...func(*secretsmanager.Options)) (*Out, error), edit func(*Out),
) func(context.Context, In) (*Out, error) {
	return func(ctx context.Context, in In) (*Out, error) {
		n := t.next()
		if t.before != nil {
			if err := t.before(operation, n); err != nil {
				return nil, err
			}
		}
		out, err := of(ctx, in)
		if t.after != nil {
			if err := t.after(operation, n); err != nil {
				return nil, err
			}
		}
		if err == nil && edit != nil {
			edit(out)
		}
		return out, err
	}
}

func (t *tapped) DescribeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	return call(t, "DescribeSecret", t.Backend.DescribeSecret, t.describe)(ctx, in)
}

func (t *tapped) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	return call(t, "GetSecretValue", t.Backend.GetSecretValue, t.get)(ctx, in)
}

func (t *tapped) PutSecretValue(ctx context.Context, in *secretsmanager.PutSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error) {
	return call(t, "PutSecretValue", t.Backend.PutSecretValue, nil)(ctx, in)
}

func (t *tapped) UpdateSecretVersionStage(ctx context.Context, in *secretsmanager.UpdateSecretVersionStageInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretVersionStageOutput, error) {
	return call(t, "UpdateSecretVersionStage", t.Backend.UpdateSecretVersionStage, nil)(ctx, in)
}
