package reader_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/formbridge/tenantsecrets/internal/reader"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// many returns a backend with so many secrets, each its name's text.
func many(t *testing.T, n int) (*secretstest.Backend, []string) {
	t.Helper()
	b, names := secretstest.New(), make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("prod/formbridge/t_%d/hmac_key", i)
		if _, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &names[i], SecretString: &names[i]}); err != nil {
			t.Fatal(err)
		}
	}
	b.ClearCalls()
	return b, names
}

func TestBatchReadsTwentySecretsWithOneCall(t *testing.T) {
	b, names := many(t, reader.MaxBatch)
	loads, err := reader.Batch(t.Context(), b, names)
	if err != nil || len(loads) != len(names) {
		t.Fatalf("%d loads, error %v", len(loads), err)
	}
	for _, name := range names {
		d := describe(t, loads[name])
		v, err := loads[name].Current(t.Context())
		if err != nil || d.Name != name || d.ARN == "" || !d.Partial || v.Text != name || v.ID != d.Current || v.ID == "" || v.Created.IsZero() {
			t.Errorf("%s: %+v, version %s, error %v", name, d, v.ID, err)
		}
		if d.Tags != nil || !d.Changed.IsZero() || d.Deleted || d.Previous != "" {
			t.Errorf("%s: the description knows what no value shows: %+v", name, d)
		}
		if v, err := loads[name].Previous(t.Context()); !errors.Is(err, reader.ErrNotRead) || v != (reader.Version{}) {
			t.Errorf("%s: previous: %v, want ErrNotRead", name, err)
		}
	}
	if got, want := operations(b), []string{"BatchGetSecretValue"}; !slices.Equal(got, want) {
		t.Errorf("calls = %v, want %v", got, want)
	}
}

// What fails for one of them is that one's, with its code and text.
func TestBatchErrorsAreOfSingleSecrets(t *testing.T) {
	b, names := many(t, 3)
	if _, err := b.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &names[1]}); err != nil {
		t.Fatal(err)
	}
	names[2] = "prod/formbridge/t_none/hmac_key"
	loads, err := reader.Batch(t.Context(), b, names)
	if err != nil || len(loads) != len(names) {
		t.Fatalf("%d loads, error %v", len(loads), err)
	}
	describe(t, loads[names[0]])
	for i, code := range []string{1: "InvalidRequestException", 2: "ResourceNotFoundException"} {
		if code == "" {
			continue
		}
		var api smithy.APIError
		d, err := loads[names[i]].Describe(t.Context())
		if !errors.As(err, &api) || api.ErrorCode() != code || api.ErrorMessage() == "" || d.Name != "" {
			t.Errorf("%s: %+v, %v, want %s", names[i], d, err, code)
		}
	}
}

func TestBatchOfABinarySecret(t *testing.T) {
	loads, err := reader.Batch(t.Context(), binary(t), []string{name})
	if err != nil {
		t.Fatal(err)
	}
	checkBytes(t, loads[name])
}

// pages answers with one after the other, and then with the error.
type pages struct {
	outs []*secretsmanager.BatchGetSecretValueOutput
	err  error
	ins  []secretsmanager.BatchGetSecretValueInput
}

func (p *pages) BatchGetSecretValue(_ context.Context, in *secretsmanager.BatchGetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.BatchGetSecretValueOutput, error) {
	p.ins = append(p.ins, *in)
	if n := len(p.ins); n <= len(p.outs) {
		return p.outs[n-1], nil
	}
	return nil, p.err
}

// page holds these names' values, and goes on where there is a token.
func page(token string, names ...string) *secretsmanager.BatchGetSecretValueOutput {
	out := &secretsmanager.BatchGetSecretValueOutput{}
	if token != "" {
		out.NextToken = &token
	}
	for _, name := range names {
		out.SecretValues = append(out.SecretValues, types.SecretValueEntry{Name: &name, SecretString: aws.String(rand.Text())})
	}
	return out
}

// checkAnswered wants a load for these names and no other.
func checkAnswered(t *testing.T, loads map[string]reader.Load, want ...string) {
	t.Helper()
	for _, name := range want {
		if loads[name] == nil {
			t.Errorf("%s was not answered", name)
		}
	}
	if len(loads) != len(want) {
		t.Errorf("%d were answered, want %v", len(loads), want)
	}
}

func TestBatchFollowsTheToken(t *testing.T) {
	failed := page("")
	failed.Errors = []types.APIErrorType{{SecretId: aws.String("c"), ErrorCode: aws.String("AccessDeniedException")}}
	api := &pages{outs: []*secretsmanager.BatchGetSecretValueOutput{page("1", "a"), page("2"), page("3", "b"), failed}}
	names := []string{"a", "b", "c"}
	loads, err := reader.Batch(t.Context(), api, names)
	if err != nil {
		t.Fatal(err)
	}
	checkAnswered(t, loads, names...)
	for i, in := range api.ins {
		if !slices.Equal(in.SecretIdList, names) || i > 0 && aws.ToString(in.NextToken) != fmt.Sprint(i) || i == 0 && in.NextToken != nil {
			t.Errorf("page %d was asked for with %v and token %q", i, in.SecretIdList, aws.ToString(in.NextToken))
		}
	}
	if len(api.ins) != 4 {
		t.Errorf("%d calls", len(api.ins))
	}
}

// What was answered before an error is there beside it; what was not, is not.
func TestBatchThatEndsHalfway(t *testing.T) {
	throttled := secretstest.Throttling()
	loads, err := reader.Batch(t.Context(), &pages{outs: []*secretsmanager.BatchGetSecretValueOutput{page("1", "a")}, err: throttled}, []string{"a", "b"})
	if !errors.Is(err, throttled) {
		t.Errorf("error = %v, want %v", err, throttled)
	}
	checkAnswered(t, loads, "a")
	loads, err = reader.Batch(t.Context(), &pages{outs: []*secretsmanager.BatchGetSecretValueOutput{page("", "a")}}, []string{"a", "b"})
	if err != nil {
		t.Error(err)
	}
	checkAnswered(t, loads, "a")
	if _, err := reader.Batch(t.Context(), &pages{}, []string{"a"}); err == nil {
		t.Error("a batch of nothing succeeded")
	}
}

// Values go by the name that they have themselves, not by their position: one of
// another name answers for nobody who asked.
func TestBatchAnswersByName(t *testing.T) {
	swapped := page("", "b", "x", "a")
	swapped.SecretValues = append(swapped.SecretValues, types.SecretValueEntry{SecretString: aws.String(rand.Text())})
	loads, err := reader.Batch(t.Context(), &pages{outs: []*secretsmanager.BatchGetSecretValueOutput{swapped}}, []string{"a", "b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if d := describe(t, loads[name]); d.Name != name {
			t.Errorf("%s was answered with %s", name, d.Name)
		}
	}
	if loads["c"] != nil {
		t.Error("c was answered")
	}
}
