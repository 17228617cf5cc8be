package secretstest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	smithy "github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/formbridge/tenantsecrets/secretstest"
)

var exported = cmp.Options{
	cmpopts.IgnoreUnexported(
		secretsmanager.DescribeSecretOutput{}, types.APIErrorType{}, types.Tag{}),
	cmpopts.IgnoreTypes(secretsmanager.DescribeSecretOutput{}.ResultMetadata),
}

func codeOf(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
}

func denied(name string) secretstest.Fault {
	return secretstest.Fault{SecretID: name, Err: secretstest.AccessDenied()}
}

// statusCode is the HTTP status in the chain of an error.
func statusCode(t *testing.T, err error) int {
	t.Helper()
	var answer *awshttp.ResponseError
	if !errors.As(err, &answer) {
		t.Fatalf("%v has no *awshttp.ResponseError", err)
	}
	return answer.HTTPStatusCode()
}

func TestReadyMadeErrors(t *testing.T) {
	for _, c := range []struct {
		err           error
		code, message string
		status        int
	}{
		{secretstest.Throttling(), "ThrottlingException", "Rate exceeded", 400},
		{secretstest.InternalError(), "InternalServiceError", "An error occurred on the server side.", 500},
		{
			secretstest.AccessDenied(), "AccessDeniedException",
			"User is not authorized to perform this operation because no identity-based policy allows it", 400,
		},
		{secretstest.KMSDenied(), "AccessDeniedException", "Access to KMS is not allowed", 400},
		{
			secretstest.KMSDisabled(), "DecryptionFailure",
			"Secrets Manager can't decrypt the protected secret text using the provided KMS key.", 400,
		},
		{secretstest.ExpiredToken(), "ExpiredTokenException", "The security token included in the request is expired", 400},
	} {
		hold(t, []behaviour{{c.code + " " + c.message, "see the doc comment of the error", func(f *fixture) {
			f.create("s", token())
			f.backend.Inject(secretstest.Fault{Err: c.err})
			err := f.getErr("s")
			refused(f.T, err, c.code, c.message)
			if got := statusCode(f.T, err); got != c.status {
				f.Errorf("status %d", got)
			}
		}}})
	}
}

// TestErrorChain compares the chain of an error in process with the one that
// the real client makes of the same answer.
func TestErrorChain(t *testing.T) {
	cases := map[string]func(*fixture) error{
		"typed":   func(f *fixture) error { return f.getErr("nobody") },
		"generic": func(f *fixture) error { return f.getErr("bad name") },
		"5xx": func(f *fixture) error {
			f.backend.Inject(secretstest.Fault{Err: secretstest.InternalError()})
			return f.getErr("s")
		},
		"missing parameter": func(f *fixture) error {
			_, err := f.GetSecretValue(f.Context(), nil)
			return err
		},
		"connection reset": func(f *fixture) error {
			f.backend.Inject(secretstest.Fault{Err: secretstest.ConnectionReset()})
			return f.getErr("s")
		},
		"canceled before": func(f *fixture) error {
			ctx, cancel := context.WithCancel(f.Context())
			cancel()
			_, err := f.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("s")})
			return err
		},
		"deadline during": func(f *fixture) error {
			f.backend.Inject(secretstest.Fault{Delay: time.Hour})
			ctx, cancel := context.WithTimeout(f.Context(), 20*time.Millisecond)
			defer cancel()
			_, err := f.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("s")})
			return err
		},
	}
	for name, fail := range cases {
		t.Run(name, func(t *testing.T) {
			here, there := fail(newFixture(t, inProcess)), fail(newFixture(t, overHTTP))
			if diff := cmp.Diff(chain(there), chain(here)); diff != "" {
				t.Error(diff)
			}
			if codeOf(here) != codeOf(there) || fault(here) != fault(there) {
				t.Errorf("%s %v, the client has %s %v", codeOf(here), fault(here), codeOf(there), fault(there))
			}
		})
	}
}

func chain(err error) []string {
	var list []string
	for ; err != nil; err = errors.Unwrap(err) {
		list = append(list, fmt.Sprintf("%T", err))
	}
	return list
}

func fault(err error) smithy.ErrorFault {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorFault()
	}
	return smithy.FaultUnknown
}

func TestRequestID(t *testing.T) {
	hold(t, []behaviour{{"on answers and on errors", "AWS SDK for Go v2, ResponseError and GetRequestIDMetadata", func(f *fixture) {
		f.create("s", token())
		if id, ok := awsmiddleware.GetRequestIDMetadata(f.get("s").ResultMetadata); !ok || len(id) != 36 {
			f.Errorf("request id %q", id)
		}
		var answer *awshttp.ResponseError
		if err := f.getErr("nobody"); !errors.As(err, &answer) || len(answer.ServiceRequestID()) != 36 {
			f.Errorf("%v has no request id", err)
		}
		if got := answer.HTTPStatusCode(); got != http.StatusBadRequest {
			f.Errorf("status %d", got)
		}
	}}})
}

// TestServerTime shows the server's time where a client looks for it.
func TestServerTime(t *testing.T) {
	hold(t, []behaviour{{"in the metadata of an answer, to the second", "AWS SDK for Go v2, GetServerTime", func(f *fixture) {
		f.create("s", token())
		at, ok := awsmiddleware.GetServerTime(f.get("s").ResultMetadata)
		if want := f.clock.Now().Truncate(time.Second); !ok || !at.Equal(want) {
			f.Errorf("got %v, want %v", at, want)
		}
	}}})
}

func TestFaultSelection(t *testing.T) {
	const contract = "the fake's contract: type Fault"
	// outcomes is the codes of n reads.
	outcomes := func(f *fixture, id string, n int) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = codeOf(f.getErr(id))
		}
		return list
	}
	expect := func(f *fixture, got []string, want ...string) {
		f.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			f.Error(diff)
		}
	}
	hold(t, []behaviour{
		{"by operation", contract, func(f *fixture) {
			f.create("s", token())
			f.backend.Inject(secretstest.Fault{Operation: "GetSecretValue", Err: secretstest.Throttling()})
			f.describe()
			expect(f, outcomes(f, "s", 1), "ThrottlingException")
		}},
		{"by secret, name or ARN", contract, func(f *fixture) {
			arn := *f.create("a", token()).ARN
			f.create("b", token())
			f.backend.Inject(denied("a"))
			for _, id := range []string{"a", arn, arn[:len(arn)-7]} {
				expect(f, outcomes(f, id, 1), "AccessDeniedException")
			}
			f.get("b")
		}},
		{"the nth call, so many times", contract, func(f *fixture) {
			f.create("s", token())
			f.backend.Inject(secretstest.Fault{Operation: "GetSecretValue", After: 1, Times: 2, Err: secretstest.Throttling()})
			expect(f, outcomes(f, "s", 4), "", "ThrottlingException", "ThrottlingException", "")
		}},
		{"by chance, the same for one seed", contract, func(f *fixture) {
			f.create("s", token())
			sample := func(seed uint64) []string {
				defer f.backend.Inject(secretstest.Fault{Operation: "GetSecretValue", After: 10, Times: 20, Probability: 0.25, Seed: seed, Err: secretstest.Throttling()})()
				return outcomes(f, "s", 100)
			}
			first := sample(1)
			expect(f, sample(1), first...)
			if slices.Equal(sample(2), first) {
				f.Error("two seeds, one outcome")
			}
			if slices.ContainsFunc(first[:10], func(code string) bool { return code != "" }) {
				f.Error("hit before After")
			}
			hits := 0
			for _, code := range first {
				if code != "" {
					hits++
				}
			}
			if hits < 10 || hits > 20 {
				f.Errorf("%d of 90 hit", hits)
			}
		}},
		{"until removed", contract, func(f *fixture) {
			f.create("s", token())
			remove := f.backend.Inject(denied("s"), denied("other"))
			expect(f, outcomes(f, "s", 1), "AccessDeniedException")
			remove()
			remove()
			expect(f, outcomes(f, "s", 1), "")
		}},
		{"the first error wins", contract, func(f *fixture) {
			f.create("s", token())
			f.backend.Inject(secretstest.Fault{Err: secretstest.Throttling(), Times: 1}, denied("s"))
			expect(f, outcomes(f, "s", 2), "ThrottlingException", "AccessDeniedException")
		}},
		{"an error comes before the effect", contract, func(f *fixture) {
			defer f.backend.Inject(secretstest.Fault{Operation: "CreateSecret", Err: secretstest.InternalError(), Times: 1})()
			_, err := f.CreateSecret(f.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s")})
			refused(f.T, err, "InternalServiceError", "An error occurred on the server side.")
			notFound(f.T, f.getErr("s"))
		}},
		{"connection reset", contract, func(f *fixture) {
			f.create("s", token())
			f.backend.Inject(secretstest.Fault{Operation: "GetSecretValue", Err: secretstest.ConnectionReset()})
			broken(f.T, f.getErr("s"))
		}},
		{"lost answer: the effect is there", contract, func(f *fixture) {
			defer f.backend.Inject(secretstest.Fault{Operation: "CreateSecret", LostAnswer: true})()
			_, err := f.CreateSecret(f.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String(token())})
			broken(f.T, err)
			f.get("s")
		}},
	})
}

// TestImpossibleFaults shows that a fault nobody can mean is not taken in silence.
func TestImpossibleFaults(t *testing.T) {
	for _, f := range []secretstest.Fault{
		{Operation: "GetSecretvalue"},
		{Probability: -0.1},
		{Probability: 1.1},
		{Probability: math.NaN()},
		{After: -1},
		{Times: -1},
		{Delay: -1},
		{StaleBy: -1},
		{StaleUpTo: -1},
	} {
		func() {
			defer func() {
				if said, _ := recover().(string); !strings.HasPrefix(said, "secretstest: Fault.") {
					t.Errorf("%+v: %q", f, said)
				}
			}()
			secretstest.New().Inject(f)
		}()
	}
}

func TestExtremeFaults(t *testing.T) {
	hold(t, []behaviour{{"neither overflow nor a nil exception hurts", "the fake's contract: type Fault", func(f *fixture) {
		f.create("s", token())
		remove := f.backend.Inject(secretstest.Fault{StaleUpTo: math.MaxInt64, StaleBy: math.MaxInt64})
		notFound(f.T, f.getErr("s"))
		remove()
		f.backend.Inject(secretstest.Fault{Err: (*types.InternalServiceError)(nil)})
		f.get("s")
		f.backend.Inject(secretstest.Fault{Delay: math.MaxInt64}, secretstest.Fault{Delay: math.MaxInt64})
		ctx, cancel := context.WithTimeout(f.Context(), 20*time.Millisecond)
		defer cancel()
		if _, err := f.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("s")}); !errors.Is(err, context.DeadlineExceeded) {
			f.Errorf("got %v", err)
		}
	}}})
}

// TestFaultsFareApart draws for faults of one seed that differ in operation or
// in position only.
func TestFaultsFareApart(t *testing.T) {
	f := newFixture(t, inProcess)
	f.create("s", token())
	chance := func(operation string) secretstest.Fault {
		return secretstest.Fault{Operation: operation, Probability: 0.5, Seed: 1, Err: secretstest.Throttling()}
	}
	described := func() string {
		_, err := f.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String("s")})
		return codeOf(err)
	}
	f.backend.Inject(chance("DescribeSecret"))
	f.backend.Inject(chance("GetSecretValue"))
	same := 0
	for range 100 {
		if described() == codeOf(f.getErr("s")) {
			same++
		}
	}
	if same < 20 || same > 80 {
		t.Errorf("%d of 100 the same", same)
	}
	g := newFixture(t, inProcess)
	g.create("s", token())
	g.backend.Inject(chance("GetSecretValue"), chance("GetSecretValue"))
	hits := 0
	for range 200 {
		if g.getErr("s") != nil {
			hits++
		}
	}
	if hits < 125 || hits > 175 { // three in four, and not one in two
		t.Errorf("%d of 200 hit", hits)
	}
}

// TestFaultByARN shows that an ARN means one secret, and a name every one.
func TestFaultByARN(t *testing.T) {
	hold(t, []behaviour{{"in its account and Region", "the fake's contract: Fault.SecretID", func(f *fixture) {
		arn := *f.create("db", token()).ARN
		for id, want := range map[string]string{
			"db": "AccessDeniedException", arn: "AccessDeniedException", arn[:len(arn)-7]: "AccessDeniedException",
			arn[:len(arn)-6] + "AbCdEf":                             "",
			strings.Replace(arn, "us-east-1", "eu-west-1", 1):       "",
			strings.Replace(arn, "123456789012", "210987654321", 1): "",
		} {
			remove := f.backend.Inject(denied(id))
			if got := codeOf(f.getErr(arn)); got != want {
				f.Errorf("a fault on %s: %q", id, got)
			}
			remove()
		}
	}}})
}

// broken is the error of a connection that broke: one the SDK would retry.
func broken(t *testing.T, err error) {
	t.Helper()
	var connection interface{ ConnectionError() bool }
	if !errors.As(err, &connection) || !connection.ConnectionError() || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v, want a connection reset", err)
	}
	if got := statusCode(t, err); got != 0 {
		t.Errorf("status %d, want none", got)
	}
}

func TestDelayInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		_, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String(token())})
		must(t, err)
		b.Inject(secretstest.Fault{Delay: 3 * time.Second}, secretstest.Fault{SecretID: "s", Delay: 2 * time.Second})
		in := &secretsmanager.GetSecretValueInput{SecretId: aws.String("s")}

		start := time.Now()
		_, err = b.GetSecretValue(t.Context(), in)
		must(t, err)
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("took %v, want 5s", took)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		_, err = b.GetSecretValue(ctx, in)
		if took := time.Since(start); took != time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("took %v: %v", took, err)
		}
		var canceled *smithy.CanceledError
		if !errors.As(err, &canceled) || statusCode(t, err) != 0 {
			t.Errorf("%v is not the SDK's cancellation", err)
		}
		if calls := b.Calls(); calls[len(calls)-1].Code != secretstest.CodeCanceled {
			t.Errorf("logged %q", calls[len(calls)-1].Code)
		}
	})
}

func TestFaultsInBatch(t *testing.T) {
	const contract = "the fake's contract: Fault.SecretID"
	batch := func(f *fixture, list []string) (*secretsmanager.BatchGetSecretValueOutput, error) {
		return f.BatchGetSecretValue(f.Context(), &secretsmanager.BatchGetSecretValueInput{SecretIdList: list})
	}
	hold(t, []behaviour{
		{"a fault on no secret counts calls, not entries", contract, func(f *fixture) {
			f.create("a", token())
			f.create("b", token())
			f.backend.Inject(secretstest.Fault{After: 1, Err: secretstest.Throttling()})
			for _, want := range []string{"", "ThrottlingException"} {
				out, err := batch(f, []string{"a", "b"})
				if codeOf(err) != want || err == nil && len(out.Errors) != 0 {
					f.Errorf("got %v", err)
				}
			}
		}},
		{"a connection that breaks for one secret breaks for all", contract, func(f *fixture) {
			f.backend.Inject(secretstest.Fault{SecretID: "b", Err: secretstest.ConnectionReset()})
			_, err := batch(f, []string{"a", "b"})
			broken(f.T, err)
		}},
		{"an entry without an id is no call without a secret", contract, func(f *fixture) {
			f.backend.Inject(secretstest.Fault{After: 1, Err: secretstest.Throttling()})
			if _, err := batch(f, []string{"", "a"}); codeOf(err) == "ThrottlingException" {
				f.Error("counted twice")
			}
		}},
		{"by filter, a connection that breaks for one secret breaks for all, once", contract, func(f *fixture) {
			f.create("a", token())
			f.create("b", token())
			byName := &secretsmanager.BatchGetSecretValueInput{Filters: []types.Filter{{Key: "name", Values: []string{"a", "b"}}}}
			for _, fault := range []secretstest.Fault{
				{SecretID: "b", Times: 1, LostAnswer: true}, {SecretID: "b", Times: 1, Err: secretstest.ConnectionReset()},
			} {
				remove := f.backend.Inject(fault)
				_, err := f.BatchGetSecretValue(f.Context(), byName)
				broken(f.T, err)
				out, err := f.BatchGetSecretValue(f.Context(), byName)
				must(f.T, err)
				if len(out.SecretValues) != 2 {
					f.Errorf("%d values", len(out.SecretValues))
				}
				f.get("b")
				remove()
			}
			f.backend.Inject(secretstest.Fault{SecretID: "b", Delay: time.Hour})
			ctx, cancel := context.WithTimeout(f.Context(), 20*time.Millisecond)
			defer cancel()
			if _, err := f.BatchGetSecretValue(ctx, byName); !errors.Is(err, context.DeadlineExceeded) {
				f.Errorf("not delayed: %v", err)
			}
		}},
		{"a stale entry", "the fake's contract: Fault.StaleBy", func(f *fixture) {
			f.create("a", token())
			f.create("b", token())
			f.backend.Inject(secretstest.Fault{SecretID: "b", StaleBy: time.Second})
			out, err := batch(f, []string{"a", "b"})
			must(f.T, err)
			if len(out.SecretValues) != 1 || len(out.Errors) != 1 || *out.Errors[0].SecretId != "b" {
				f.Errorf("%d values, errors %v", len(out.SecretValues), out.Errors)
			}
		}},
		{"a fault on one secret is its entry's", contract, func(f *fixture) {
			f.create("a", token())
			f.create("b", token())
			defer f.backend.Inject(denied("a"))()
			out, err := batch(f, []string{"a", "b"})
			must(f.T, err)
			if len(out.SecretValues) != 1 || len(out.Errors) != 1 || *out.Errors[0].ErrorCode != "AccessDeniedException" {
				f.Errorf("%d values, errors %v", len(out.SecretValues), out.Errors)
			}
		}},
	})
}
