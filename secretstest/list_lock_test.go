package secretstest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets/secretstest"
)

// askingContext calls asked whenever its error is asked for, which a list does
// between the parts that it reads.
type askingContext struct {
	context.Context
	asked func() error
}

func (c askingContext) Err() error { return c.asked() }

const many = 10_000

// ofMany makes a backend with many secrets, named 0 and so on.
func ofMany(t *testing.T) *secretstest.Backend {
	t.Helper()
	b := secretstest.New(func(o *secretstest.Options) { o.NoCallLog = true })
	val := token()
	for i := range many {
		_, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(fmt.Sprint(i)), SecretString: &val})
		must(t, err)
	}
	return b
}

// lists is the calls that look at every secret.
var lists = map[string]func(context.Context, *secretstest.Backend) error{
	"ListSecrets": func(ctx context.Context, b *secretstest.Backend) error {
		_, err := b.ListSecrets(ctx, &secretsmanager.ListSecretsInput{})
		return err
	},
	"BatchGetSecretValue by filter": func(ctx context.Context, b *secretstest.Backend) error {
		_, err := b.BatchGetSecretValue(ctx, &secretsmanager.BatchGetSecretValueInput{
			Filters: []types.Filter{{Key: types.FilterNameStringTypeAll, Values: []string{"9999"}}},
		})
		return err
	},
}

// TestListsLetOthersIn reads and writes in the middle of a list. The calls would
// never end if the list had the backend locked; that they are many says that the
// list locks it for a few secrets at a time.
func TestListsLetOthersIn(t *testing.T) {
	b := ofMany(t)
	for name, list := range lists {
		t.Run(name, func(t *testing.T) {
			calls := 0
			must(t, list(askingContext{t.Context(), func() error {
				calls++
				id := aws.String(fmt.Sprint(many - 1))
				_, err := b.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: id})
				must(t, err)
				_, err = b.TagResource(t.Context(), &secretsmanager.TagResourceInput{
					SecretId: id, Tags: []types.Tag{{Key: aws.String("calls"), Value: aws.String(fmt.Sprint(calls))}},
				})
				must(t, err)
				return nil
			}}, b))
			if most := many / 256; calls < most {
				t.Errorf("others got in %d times, want at least %d", calls, most)
			}
		})
	}
}

// TestListsEndWithTheContext ends the context in the middle of a list.
func TestListsEndWithTheContext(t *testing.T) {
	b := ofMany(t)
	for name, list := range lists {
		t.Run(name, func(t *testing.T) {
			calls := 0
			err := list(askingContext{t.Context(), func() error {
				if calls++; calls < 10 {
					return nil
				}
				return context.Canceled
			}}, b)
			if got := fmt.Sprint(err); err == nil || calls > 12 {
				t.Errorf("%s after %d calls", got, calls)
			}
		})
	}
}

// TestListsForgetNames deletes many secrets by force: their names, which the
// backend forgets one after another, are in no list, and those made again are
// there once.
func TestListsForgetNames(t *testing.T) {
	f := newFixture(t, inProcess)
	const names = 500
	for round := range 3 {
		for i := range names {
			f.create(fmt.Sprint("s", i), token())
		}
		if got := len(f.listAll()); got != names {
			f.Fatalf("round %d: %d secrets, want %d", round, got, names)
		}
		for i := range names {
			_, err := f.DeleteSecret(f.Context(), &secretsmanager.DeleteSecretInput{
				SecretId: aws.String(fmt.Sprint("s", i)), ForceDeleteWithoutRecovery: aws.Bool(true),
			})
			must(f.T, err)
		}
		if got := f.listAll(); len(got) != 0 {
			f.Fatalf("round %d: %d secrets left", round, len(got))
		}
	}
}

// listAll lists the names of all secrets.
func (f *fixture) listAll() (names []string) {
	f.Helper()
	pages := secretsmanager.NewListSecretsPaginator(f.api, &secretsmanager.ListSecretsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(f.Context())
		must(f.T, err)
		for _, s := range page.SecretList {
			names = append(names, *s.Name)
		}
	}
	return names
}
