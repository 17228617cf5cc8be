package conformance

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

func TestTable(t *testing.T) {
	seen := make(map[string]bool)
	for _, b := range table {
		if seen[b.name] {
			t.Errorf("two behaviours %q", b.name)
		}
		seen[b.name] = true
		if b.source.kind == "" || b.source.where == "" && b.source.kind != byModel && b.source.kind != byChoice {
			t.Errorf("%s: no source", b.name)
		}
	}
}

// TestJudgement shows a behaviour that fails, stops, and cannot be asked.
func TestJudgement(t *testing.T) {
	for _, c := range []struct {
		name      string
		test      func(*check)
		failures  int
		unchecked bool
	}{
		{"holds", func(*check) {}, 0, false},
		{"fails twice", func(c *check) { c.same("a", 1, 2); c.same("b", nil, []string{}) }, 2, false},
		{"stops", func(c *check) { c.fatalf("no"); c.errorf("never") }, 1, false},
		{"needs a clock", func(c *check) { c.errorf("no"); c.clock() }, 0, true},
	} {
		got := behaviour{test: c.test}.check(t.Context(), Target{API: deaf{}})
		if len(got.failures) != c.failures || got.unchecked != c.unchecked {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// deaf is a server that answers deletions only.
type deaf struct{ API }

func (deaf) DeleteSecret(context.Context, *secretsmanager.DeleteSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DeleteSecretOutput, error) {
	return nil, nil
}
