package rotation_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// crm stands for a provider's API: the keys it accepts, by tenant.
type crm map[string][]string

// Set leaves the current key valid: readers go on using it until they see the new one.
func (c crm) Set(_ context.Context, change rotation.Change) error {
	c[change.Tenant] = []string{change.Current.Reveal(), change.Pending.Reveal()}
	return nil
}

func (c crm) Test(_ context.Context, change rotation.Change) error {
	for _, key := range c[change.Tenant] {
		if key == change.Pending.Reveal() {
			return nil
		}
	}
	return errors.New("the provider does not accept the key")
}

// The function of a rotation Lambda, for HMAC secrets and for API keys of a provider. In
// the Lambda function it goes to lambda.Start, see examples/aws; here a Secrets Manager
// in memory calls it.
func ExampleRotator_Handler() {
	ctx := context.Background()
	b := secretstest.New() // secretsmanager.NewFromConfig(cfg) in production
	client, err := tenantsecrets.New(b, tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	rotator, err := rotation.New(client, b)
	if err != nil {
		fmt.Println(err)
		return
	}

	provider := crm{"t_abc123": {"sk_first"}}
	handle, err := rotator.Handler(rotation.FarSide{SecretType: "api_key", Setter: provider, Tester: provider})
	if err != nil {
		fmt.Println(err)
		return
	}

	name := aws.String("prod/formbridge/t_abc123/destinations/crm/api_key")
	if _, err := b.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
		Name: name, SecretString: aws.String(`{"api_key":"sk_first","tenant_id":"t_abc123"}`),
	}); err != nil {
		fmt.Println(err)
		return
	}
	function := "arn:aws:lambda:us-east-1:123456789012:function:rotate"
	b.RegisterLambda(function, func(ctx context.Context, e secretstest.RotationEvent) error {
		err := handle(ctx, rotation.Event(e))
		fmt.Println(e.Step, err)
		return err
	})
	if _, err := b.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: name, RotationLambdaARN: &function}); err != nil {
		fmt.Println(err)
		return
	}

	key, err := tenantsecrets.Get(ctx, client, "t_abc123", tenantsecrets.DestinationAPIKey("crm"))
	if err != nil {
		fmt.Println(err)
		return
	}
	accepted := provider["t_abc123"]
	fmt.Println(len(accepted), "keys are accepted; the first one:", accepted[0] == "sk_first", "- the current one:", accepted[1] == key.Key.Reveal())
	// Output:
	// createSecret <nil>
	// setSecret <nil>
	// testSecret <nil>
	// finishSecret <nil>
	// 2 keys are accepted; the first one: true - the current one: true
}
