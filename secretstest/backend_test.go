package secretstest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/build"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	smithy "github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/formbridge/tenantsecrets/secretstest"
)

func TestCalls(t *testing.T) {
	hold(t, []behaviour{{"operation, ids and code of each call", "the fake's contract: type Call", func(f *fixture) {
		arn := *f.create("s", token()).ARN
		f.backend.ClearCalls()
		f.clock.Advance(time.Minute)
		v2 := f.put(arn, token(), "AWSPENDING", "mine")
		_, err := f.GetSecretValue(f.Context(), &secretsmanager.GetSecretValueInput{SecretId: &arn, VersionId: &v2, VersionStage: aws.String("mine")})
		must(f.T, err)
		_ = f.getErr("nobody")
		_, err = f.BatchGetSecretValue(f.Context(), &secretsmanager.BatchGetSecretValueInput{SecretIdList: []string{"s", "nobody"}})
		must(f.T, err)
		_, viaHTTP := f.api.(*secretsmanager.Client)
		want := []secretstest.Call{
			{Operation: "PutSecretValue", SecretID: arn, VersionID: v2, VersionStage: "AWSPENDING,mine"},
			{Operation: "GetSecretValue", SecretID: arn, VersionID: v2, VersionStage: "mine"},
			{Operation: "GetSecretValue", SecretID: "nobody", Code: "ResourceNotFoundException"},
			{Operation: "BatchGetSecretValue", SecretIDs: []string{"s", "nobody"}},
		}
		for i := range want {
			want[i].HTTP, want[i].At = viaHTTP, f.clock.Now()
		}
		if diff := cmp.Diff(want, f.backend.Calls()); diff != "" {
			f.Error(diff)
		}
		f.backend.Inject(secretstest.Fault{Err: secretstest.ConnectionReset()})
		_ = f.getErr("s")
		if got := f.backend.Calls()[4].Code; got != secretstest.CodeConnectionReset {
			f.Errorf("code %q", got)
		}
	}}})
}

func TestCallsAreBounded(t *testing.T) {
	b := secretstest.New()
	in := &secretsmanager.DescribeSecretInput{SecretId: aws.String("s")}
	for range 70_000 {
		_, _ = b.DescribeSecret(t.Context(), in)
	}
	if n := len(b.Calls()); n > 1<<16 || n < 1<<15 {
		t.Errorf("%d calls kept", n)
	}
}

func TestLongTextsInTheLogAreCut(t *testing.T) {
	b := secretstest.New()
	long := strings.Repeat("a", 1<<19)
	post(t, b, "secretsmanager.GetSecretValue", `{"SecretId":"`+long+`"}`)
	post(t, b, "secretsmanager."+long, `{}`)
	post(t, b, "secretsmanager.BatchGetSecretValue", `{"SecretIdList":["`+long+`"`+strings.Repeat(`,"b"`, 1000)+`]}`)
	calls := b.Calls()
	if n := len(calls[0].SecretID); n != 2048 {
		t.Errorf("SecretID of %d", n)
	}
	if n := len(calls[1].Operation); n != 2048 {
		t.Errorf("Operation of %d", n)
	}
	if ids := calls[2].SecretIDs; len(ids) != 40 || len(ids[0]) != 2048 {
		t.Errorf("%d ids", len(ids))
	}
}

func TestNoCallLog(t *testing.T) {
	b := secretstest.New(func(o *secretstest.Options) { o.NoCallLog = true })
	_, err := b.ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{})
	must(t, err)
	post(t, b, "secretsmanager.Unknown", `{}`)
	if calls := b.Calls(); len(calls) != 0 {
		t.Errorf("logged %+v", calls)
	}
}

// TestForcedDeletionsFreeValues makes and deletes ever new secrets, which a
// server that serves for long sees.
func TestForcedDeletionsFreeValues(t *testing.T) {
	b := secretstest.New()
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range 2000 {
		name := aws.String(fmt.Sprintf("tmp%d", i))
		_, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: name, SecretBinary: make([]byte, 60000)})
		must(t, err)
		_, err = b.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: name, ForceDeleteWithoutRecovery: aws.Bool(true)})
		must(t, err)
	}
	if used := int64(heap()) - int64(before); used > 20<<20 {
		t.Errorf("%d MB are held", used>>20)
	}
	_, err := b.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("tmp0")})
	notFound(t, err)
	runtime.KeepAlive(b)
}

// TestTokenIsWrittenBack shows the SDK's trap: an input used twice repeats its
// token, so that its second use is not a new version.
func TestTokenIsWrittenBack(t *testing.T) {
	hold(t, []behaviour{{"into the caller's input", "AWS SDK for Go v2, OperationIdempotencyTokenAutoFill", func(f *fixture) {
		f.create("s", token())
		in := &secretsmanager.PutSecretValueInput{SecretId: aws.String("s"), SecretString: aws.String(token())}
		_, err := f.PutSecretValue(f.Context(), in)
		must(f.T, err)
		if in.ClientRequestToken == nil {
			f.Fatal("no token in the input")
		}
		in.SecretString = aws.String(token())
		if _, err := f.PutSecretValue(f.Context(), in); codeOf(err) != "ResourceExistsException" {
			f.Errorf("got %v", err)
		}
	}}})
}

func TestNoSharedMemory(t *testing.T) {
	f := newFixture(t, inProcess)
	val := []byte(token())
	in := &secretsmanager.CreateSecretInput{
		Name: aws.String("s"), SecretBinary: val, Description: aws.String("before"),
		Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("before")}},
	}
	made, err := f.CreateSecret(t.Context(), in)
	must(t, err)
	kept := bytes.Clone(val)
	before := f.describe()
	clear(val)
	*in.Name, *in.Description, *in.Tags[0].Value, *made.ARN = "x", "x", "x", "x"

	got := f.get("s")
	if !bytes.Equal(got.SecretBinary, kept) {
		t.Error("the input's bytes are shared")
	}
	clear(got.SecretBinary)
	got.VersionStages[0] = "x"
	*got.ARN, *got.Name, *got.VersionId = "x", "x", "x"
	d := f.describe()
	*d.Tags[0].Key, *d.ARN, *d.CreatedDate = "x", "x", time.Time{}
	clear(d.VersionIdsToStages)
	*f.remove("s").DeletionDate = time.Time{}

	after := f.describe()
	if after.DeletedDate == nil {
		t.Error("the deletion date is shared")
	}
	after.DeletedDate, after.LastAccessedDate = nil, nil
	if diff := cmp.Diff(before, after, exported); diff != "" {
		t.Error(diff)
	}
}

func TestRedaction(t *testing.T) {
	val := token()
	f := newFixture(t, inProcess)
	f.create("s", val)
	f.get("s")
	_, err := f.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String("s"), SecretString: aws.String(val + long(65536))})
	holder := struct{ b *secretstest.Backend }{f.backend}
	var text strings.Builder
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "backend", f.backend)
	slog.New(slog.NewJSONHandler(&text, nil)).Info("x", "backend", f.backend)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&text, verb+verb+verb+verb, f.backend, holder, f.backend.Calls(), err)
	}
	for _, secret := range []string{val, fmt.Sprintf("%x", val)} {
		if strings.Contains(text.String(), secret) {
			t.Error("a secret value was printed")
		}
	}
	if got := fmt.Sprintf("%+v", f.backend); got != "secretstest.Backend(redacted)" {
		t.Error(got)
	}
}

// TestOneWinner races writers for one token: all but one value are refused.
func TestOneWinner(t *testing.T) {
	hold(t, []behaviour{{"of many with one token", documented + "API_PutSecretValue.html", func(f *fixture) {
		f.create("s", token())
		id := token()
		codes := make([]string, 16)
		var group sync.WaitGroup
		for i := range codes {
			group.Go(func() {
				_, err := f.PutSecretValue(f.Context(), &secretsmanager.PutSecretValueInput{
					SecretId: aws.String("s"), SecretString: aws.String(token()), ClientRequestToken: &id,
				})
				codes[i] = codeOf(err)
			})
		}
		group.Wait()
		won := 0
		for _, code := range codes {
			if code == "" {
				won++
			} else if code != "ResourceExistsException" {
				f.Errorf("got %s", code)
			}
		}
		if won != 1 {
			f.Errorf("%d writers won", won)
		}
	}}})
}

// TestImports holds that a service may hold a Backend without the testing
// package, and this package without the one it serves.
func TestImports(t *testing.T) {
	pkg, err := build.ImportDir(".", 0)
	must(t, err)
	for _, path := range pkg.Imports {
		if path == "testing" || strings.HasPrefix(path, "github.com/formbridge/") {
			t.Errorf("imports %s", path)
		}
	}
}

func TestOptions(t *testing.T) {
	b := secretstest.New(func(o *secretstest.Options) { o.Region, o.Account = "eu-west-1", "210987654321" })
	out, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s")})
	must(t, err)
	if !strings.HasPrefix(*out.ARN, "arn:aws:secretsmanager:eu-west-1:210987654321:secret:s-") {
		t.Error(*out.ARN)
	}
}

func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("fills 100,000 secrets")
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	b := secretstest.New()
	for i := range 100_000 {
		_, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
			Name: aws.String(fmt.Sprintf("prod/app/t_%06d/hmac_key", i)), SecretString: aws.String(fmt.Sprintf("%0300d", i)), Tags: tags(4),
		})
		must(t, err)
	}
	b.ClearCalls()
	used := int64(heap()) - int64(before)
	t.Logf("%d bytes a secret", used/100_000)
	if used > 200<<20 {
		t.Errorf("100,000 secrets take %d MB", used>>20)
	}
	runtime.KeepAlive(b)
}

// TestRate wants 50,000 reads a second on one core. The best of several runs
// counts: the others may have shared it.
func TestRate(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("measures time")
	}
	const reads, wanted = 20_000, 50_000
	b := secretstest.New()
	_, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String(long(300))})
	must(t, err)
	in := &secretsmanager.GetSecretValueInput{SecretId: aws.String("s")}
	best := 0.0
	for range 10 {
		start := time.Now()
		for range reads {
			if _, err := b.GetSecretValue(t.Context(), in); err != nil {
				t.Fatal(err)
			}
		}
		if best = max(best, reads/time.Since(start).Seconds()); best > wanted {
			break
		}
	}
	t.Logf("%.0f reads a second", best)
	if best <= wanted {
		t.Errorf("%.0f reads a second", best)
	}
}

func BenchmarkGetSecretValue(b *testing.B) {
	backend := secretstest.New()
	_, err := backend.CreateSecret(b.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String(token())})
	if err != nil {
		b.Fatal(err)
	}
	in := &secretsmanager.GetSecretValueInput{SecretId: aws.String("s")}
	for b.Loop() {
		if _, err := backend.GetSecretValue(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}

// TestInBubble has readers and a slow rotation under a clock that only waits
// move: a lock held across a wait would hang it, a goroutine left would fail it.
func TestInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		made, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String(token())})
		must(t, err)
		b.RegisterLambda("slow", func(ctx context.Context, event secretstest.RotationEvent) error {
			time.Sleep(time.Hour)
			if event.Step != "createSecret" {
				return nil
			}
			_, err := b.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
				SecretId: &event.SecretID, ClientRequestToken: &event.ClientRequestToken, SecretString: aws.String(token()),
			})
			return err
		})
		start := time.Now()
		var group sync.WaitGroup
		group.Go(func() {
			_, err := b.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: aws.String("s"), RotationLambdaARN: aws.String("slow")})
			if err != nil {
				t.Error(err)
			}
		})
		for _, at := range []struct {
			after time.Duration
			same  bool
		}{{time.Minute, true}, {2 * time.Hour, false}} {
			group.Go(func() {
				time.Sleep(at.after)
				out, err := b.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("s")})
				if err != nil || (*out.VersionId == *made.VersionId) != at.same {
					t.Errorf("after %v: %v", at.after, err)
				}
			})
		}
		group.Wait()
		if took := time.Since(start); took != 4*time.Hour {
			t.Errorf("took %v", took)
		}
	})
}

// TestRotationContext ends the caller's context during a rotation, which goes on.
func TestRotationContext(t *testing.T) {
	b := secretstest.New()
	_, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String(token())})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	steps := 0
	b.RegisterLambda("f", func(ctx context.Context, _ secretstest.RotationEvent) error {
		cancel()
		steps++
		return ctx.Err()
	})
	_, err = b.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: aws.String("s"), RotationLambdaARN: aws.String("f")})
	if !errors.As(err, new(*smithy.CanceledError)) || !errors.Is(err, context.Canceled) || steps != 4 {
		t.Errorf("after %d steps: %v", steps, err)
	}
	if code := b.Calls()[1].Code; code != secretstest.CodeCanceled {
		t.Errorf("logged %q", code)
	}
}

// TestPanicIsNoSuccess has a rotation function panic: the panic is the caller's,
// the log says that no answer came, and the backend goes on.
func TestPanicIsNoSuccess(t *testing.T) {
	b := secretstest.New()
	_, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String(token())})
	must(t, err)
	b.RegisterLambda("f", func(context.Context, secretstest.RotationEvent) error { panic("boom") })
	func() {
		defer func() {
			if got := recover(); got != "boom" {
				t.Errorf("recovered %v", got)
			}
		}()
		_, _ = b.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: aws.String("s"), RotationLambdaARN: aws.String("f")})
	}()
	if code := b.Calls()[1].Code; code != secretstest.CodeConnectionReset {
		t.Errorf("logged %q", code)
	}
	_, err = b.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("s")})
	must(t, err)
}

func TestRotationTokenIsNotPrinted(t *testing.T) {
	event := secretstest.RotationEvent{Step: "setSecret", SecretID: "s", ClientRequestToken: "t", RotationToken: token()}
	var text strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		fmt.Fprintf(&text, verb+verb+verb, event, &event, []secretstest.RotationEvent{event})
	}
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "event", event)
	slog.New(slog.NewJSONHandler(&text, nil)).Info("x", "event", event)
	if strings.Contains(text.String(), event.RotationToken) || !strings.Contains(text.String(), "setSecret") {
		t.Error(text.String())
	}
}

// TestPageOfMany wants a page of 100,000 secrets without the time it takes to
// sort them all, for the backend is locked meanwhile. The best of several counts.
func TestPageOfMany(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("measures time")
	}
	b := secretstest.New(func(o *secretstest.Options) { o.NoCallLog = true })
	for i := range 100_000 {
		_, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(fmt.Sprintf("prod/app/t_%06d", i))})
		must(t, err)
	}
	best := time.Hour
	in := &secretsmanager.ListSecretsInput{}
	for range 10 {
		start := time.Now()
		out, err := b.ListSecrets(t.Context(), in)
		must(t, err)
		best = min(best, time.Since(start))
		in.NextToken = out.NextToken
	}
	t.Logf("a page in %v", best)
	if best > 60*time.Millisecond {
		t.Errorf("a page takes %v", best)
	}
}

func tags(n int) []types.Tag {
	list := make([]types.Tag, n)
	for i := range list {
		list[i] = types.Tag{Key: aws.String(fmt.Sprintf("k%d", i)), Value: aws.String("v")}
	}
	return list
}
