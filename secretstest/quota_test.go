package secretstest

import (
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// TestSecretQuota fills a vault with one secret under 500,000 names, which no
// caller could do in the time of a test.
func TestSecretQuota(t *testing.T) {
	b := New()
	v := b.vault(vaultID{b.account, b.region})
	v.timelines = make(map[string]*timeline, maxSecrets)
	held := &timeline{states: []state{{secret: &secret{}}}}
	for i := range maxSecrets {
		v.timelines[strconv.Itoa(i)] = held
	}
	create := func() error {
		_, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("one-more")})
		return err
	}
	if api, ok := asAPIError(create()); !ok || api.ErrorCode() != "LimitExceededException" {
		t.Errorf("got %v", api)
	}
	v.timelines["0"] = &timeline{states: []state{{secret: nil}}}
	if err := create(); err != nil {
		t.Error(err)
	}
}
