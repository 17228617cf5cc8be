package rotation_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// fleetProcess is one of the fleet: a cache of its own, a clock of its own, and a line of
// its own to Secrets Manager.
type fleetProcess struct {
	client   *tenantsecrets.Client
	line     *fleetLine
	attacked [attackKinds]int64 // bad signatures that it was sent
}

func newFleetProcess(t *testing.T, b *secretstest.Backend, skew time.Duration, optFns ...func(*tenantsecrets.Options)) *fleetProcess {
	t.Helper()
	l := &fleetLine{Backend: b}
	optFns = append(optFns, func(o *tenantsecrets.Options) {
		o.Now = func() time.Time { return time.Now().Add(skew) }
	})
	c, err := tenantsecrets.New(l, naming, optFns...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &fleetProcess{client: c, line: l}
}

// fleetLine counts what a process asks Secrets Manager for, and can be cut.
type fleetLine struct {
	*secretstest.Backend
	state atomic.Int32

	describes, gets atomic.Int64
	besieged        atomic.Int64 // describes of besiegedName
}

// The states of a line. One that is dead swallows what is sent, one that is cut
// breaks the connection.
const (
	lineUp int32 = iota
	lineDead
	lineCut
)

func (l *fleetLine) broken(ctx context.Context) error {
	switch l.state.Load() {
	case lineDead:
		<-ctx.Done()
		return ctx.Err()
	case lineCut:
		return secretstest.ConnectionReset()
	}
	return nil
}

func (l *fleetLine) DescribeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	l.describes.Add(1)
	if *in.SecretId == besiegedName {
		l.besieged.Add(1)
	}
	if err := l.broken(ctx); err != nil {
		return nil, err
	}
	return l.Backend.DescribeSecret(ctx, in, optFns...)
}

func (l *fleetLine) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	l.gets.Add(1)
	if err := l.broken(ctx); err != nil {
		return nil, err
	}
	return l.Backend.GetSecretValue(ctx, in, optFns...)
}
