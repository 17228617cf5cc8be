// Package conformance holds a Secrets Manager to the service's behaviour: one
// table of what the service does, each row with where that is known from, run
// against any server.
//
//	conformance.Run(t, conformance.Server{
//		Open: func(t *testing.T) conformance.Target { return conformance.Target{API: client} },
//	})
//
// The rows use secrets with random names and delete them by force, so that a
// server may be shared, and an account may be real.
package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/secretstest"
)

// API is the operations the behaviours use; *secretsmanager.Client has them.
type API interface {
	CreateSecret(context.Context, *secretsmanager.CreateSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.CreateSecretOutput, error)
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
	BatchGetSecretValue(context.Context, *secretsmanager.BatchGetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.BatchGetSecretValueOutput, error)
	PutSecretValue(context.Context, *secretsmanager.PutSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error)
	UpdateSecretVersionStage(context.Context, *secretsmanager.UpdateSecretVersionStageInput, ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretVersionStageOutput, error)
	DeleteSecret(context.Context, *secretsmanager.DeleteSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DeleteSecretOutput, error)
	UpdateSecret(context.Context, *secretsmanager.UpdateSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretOutput, error)
	RestoreSecret(context.Context, *secretsmanager.RestoreSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.RestoreSecretOutput, error)
	ListSecrets(context.Context, *secretsmanager.ListSecretsInput, ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error)
	ListSecretVersionIds(context.Context, *secretsmanager.ListSecretVersionIdsInput, ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretVersionIdsOutput, error)
	TagResource(context.Context, *secretsmanager.TagResourceInput, ...func(*secretsmanager.Options)) (*secretsmanager.TagResourceOutput, error)
	UntagResource(context.Context, *secretsmanager.UntagResourceInput, ...func(*secretsmanager.Options)) (*secretsmanager.UntagResourceOutput, error)
	GetResourcePolicy(context.Context, *secretsmanager.GetResourcePolicyInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetResourcePolicyOutput, error)
	PutResourcePolicy(context.Context, *secretsmanager.PutResourcePolicyInput, ...func(*secretsmanager.Options)) (*secretsmanager.PutResourcePolicyOutput, error)
	DeleteResourcePolicy(context.Context, *secretsmanager.DeleteResourcePolicyInput, ...func(*secretsmanager.Options)) (*secretsmanager.DeleteResourcePolicyOutput, error)
	ValidateResourcePolicy(context.Context, *secretsmanager.ValidateResourcePolicyInput, ...func(*secretsmanager.Options)) (*secretsmanager.ValidateResourcePolicyOutput, error)
	GetRandomPassword(context.Context, *secretsmanager.GetRandomPasswordInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetRandomPasswordOutput, error)
	RotateSecret(context.Context, *secretsmanager.RotateSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.RotateSecretOutput, error)
	CancelRotateSecret(context.Context, *secretsmanager.CancelRotateSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.CancelRotateSecretOutput, error)
}

// Target is a server as one behaviour meets it. What a server cannot do is nil,
// and the behaviours that need it are not checked there.
type Target struct {
	API API

	// Clock is the server's clock, if a test can set it.
	Clock Clock

	// Lagging says that ListSecrets may not show the last changes.
	Lagging bool

	// Other is the same server as account 210987654321 sees it.
	Other API

	// SetKMSKey sets the state of a KMS key.
	SetKMSKey func(id string, state secretstest.KeyState)

	// Lambda registers a rotation function for an ARN.
	Lambda func(arn string, f secretstest.RotationFunction)

	// Post sends a request body to X-Amz-Target secretsmanager.OPERATION, without
	// an SDK, and returns the HTTP status and the body of the answer.
	Post func(operation, body string) (status int, answer string, err error)
}

// Clock is a clock that a test sets.
type Clock interface {
	Now() time.Time
	Advance(time.Duration)
}

// Server is what the behaviours are run against.
type Server struct {
	// Open returns the target of one behaviour. It may return the same one again.
	Open func(t *testing.T) Target

	// Choices checks the rows that are not the service's known behaviour but what
	// secretstest chose where it is unknown.
	Choices bool

	// Departures names the behaviours known not to hold. One that does hold
	// fails the test, so that the list stays true.
	Departures []string
}

// Report counts the behaviours by how they came out.
type Report struct {
	Held      int // as the service
	Departed  int // known not to, and did not
	Unchecked int // the server cannot be asked, or the service's answer is not known
	Failed    int // neither expected nor held

	Recorded, RecordedHeld int // of those, taken from recorded answers of the service
	Verified, VerifiedHeld int // of those, taken from tests run against the service
}

func (r Report) String() string {
	return fmt.Sprintf("%d behaviours hold (%d of %d recorded and %d of %d verified ones), %d known departures, %d not checkable, %d failed",
		r.Held, r.RecordedHeld, r.Recorded, r.VerifiedHeld, r.Verified, r.Departed, r.Unchecked, r.Failed)
}

// Run runs every behaviour as a subtest and logs the report.
func Run(t *testing.T, server Server) Report {
	t.Helper()
	var report Report
	for _, name := range server.Departures {
		if !slices.ContainsFunc(table, func(b behaviour) bool { return b.name == name }) {
			t.Errorf("there is no behaviour %q", name)
		}
	}
	for _, b := range table {
		t.Run(b.name, func(t *testing.T) {
			if b.source.kind == byChoice && !server.Choices {
				report.Unchecked++
				t.Skip("what the service does is not known")
			}
			got := b.check(t.Context(), server.Open(t))
			got.judge(t, &report, b, slices.Contains(server.Departures, b.name))
		})
	}
	t.Log(report)
	return report
}

// judge reports one behaviour to the test, and counts it.
func (r result) judge(t *testing.T, report *Report, b behaviour, departs bool) {
	t.Helper()
	held := !r.unchecked && len(r.failures) == 0
	report.attribute(b.source.kind, held)
	switch {
	case r.unchecked:
		report.Unchecked++
		t.Skip("this server cannot be asked")
	case held && departs:
		report.Failed++
		t.Error("holds, but is listed as a departure")
	case held:
		report.Held++
	case departs:
		report.Departed++
		t.Logf("departs, as known: %s", strings.Join(r.failures, "\n"))
	default:
		report.Failed++
		t.Errorf("%s\nsource: %s", strings.Join(r.failures, "\n"), b.source)
	}
}

// attribute counts a behaviour by its source.
func (r *Report) attribute(kind kind, held bool) {
	n := 0
	if held {
		n = 1
	}
	switch kind {
	case byRecording:
		r.Recorded++
		r.RecordedHeld += n
	case byVerification:
		r.Verified++
		r.VerifiedHeld += n
	}
}
