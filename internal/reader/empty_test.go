package reader_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets/internal/reader"
)

// describedAs answers DescribeSecret with an output of the test's.
type describedAs struct {
	reader.API
	out *secretsmanager.DescribeSecretOutput
}

func (a describedAs) DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	return a.out, nil
}

// Neither a name nor an ARN is no answer, whatever else is there.
func TestAnswersThatNameNoSecretAreEmpty(t *testing.T) {
	empty := aws.String("")
	unnamed := func(out *secretsmanager.GetSecretValueOutput) { out.Name, out.ARN = nil, empty }
	two := func() reader.API { return stored(t, rand.Text(), rand.Text()) }
	for _, tt := range []struct {
		what string
		load reader.Load
		read func(context.Context, reader.Load) error
	}{
		{"a description of nothing", reader.Begin(describedAs{two(), &secretsmanager.DescribeSecretOutput{}}, name), onlyDescribe},
		{"a description with tags alone", reader.Begin(describedAs{two(), &secretsmanager.DescribeSecretOutput{
			Name: empty, Tags: []types.Tag{{Key: aws.String(reader.TagTenantID), Value: aws.String("t_abc124")}},
		}}, name), onlyDescribe},
		{"a value", reader.Begin(tampering{two(), unnamed}, name), current},
		{"a previous value", reader.Begin(tampering{two(), unnamed}, name), previous},
		{"a value alone", reader.Values(tampering{two(), unnamed}, name), onlyDescribe},
		{"a previous value alone", reader.Values(editingSecond(two(), unnamed), name), previous},
	} {
		t.Run(tt.what, func(t *testing.T) {
			if err := tt.read(t.Context(), tt.load); !errors.Is(err, reader.ErrEmpty) {
				t.Errorf("error %v, want ErrEmpty", err)
			}
		})
	}
}

func onlyDescribe(ctx context.Context, l reader.Load) error {
	_, err := l.Describe(ctx)
	return err
}

func current(ctx context.Context, l reader.Load) error {
	if _, err := l.Describe(ctx); err != nil {
		return err
	}
	_, err := l.Current(ctx)
	return err
}

func previous(ctx context.Context, l reader.Load) error {
	if _, err := l.Describe(ctx); err != nil {
		return err
	}
	_, err := l.Previous(ctx)
	return err
}

// One of the two is enough to tell that it is another secret's.
func TestAnswersThatNameAnotherSecretAreForeign(t *testing.T) {
	for what, out := range map[string]*secretsmanager.DescribeSecretOutput{
		"a name alone": {Name: aws.String(name + "x")},
		"an ARN alone": {ARN: aws.String(arn)},
	} {
		d := describe(t, reader.Begin(describedAs{stored(t, rand.Text()), out}, name))
		var foreign reader.Foreign
		if err := identity.Check(&d, reader.Place{}); !errors.As(err, &foreign) {
			t.Errorf("%s: error %v, want a Foreign", what, err)
		}
	}
	withARN := tampering{stored(t, rand.Text()), func(out *secretsmanager.GetSecretValueOutput) { out.Name = nil }}
	if err := current(t.Context(), reader.Begin(withARN, name)); !errors.Is(err, reader.ErrForeign) {
		t.Errorf("a value with an ARN alone: error %v, want ErrForeign", err)
	}
}

// Entries of a batch that name nothing answer for nobody.
func TestBatchOfEmptyAnswers(t *testing.T) {
	nobody := page("", "")
	nobody.Errors = []types.APIErrorType{{ErrorCode: aws.String("ResourceNotFoundException")}}
	for what, out := range map[string]*secretsmanager.BatchGetSecretValueOutput{"nothing": page(""), "entries of nobody": nobody, "no output": nil} {
		loads, err := reader.Batch(t.Context(), &pages{outs: []*secretsmanager.BatchGetSecretValueOutput{out}}, []string{"a", "b"})
		if !errors.Is(err, reader.ErrEmpty) || len(loads) != 0 {
			t.Errorf("%s: %d loads, error %v, want none and ErrEmpty", what, len(loads), err)
		}
	}
}
