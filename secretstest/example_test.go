package secretstest_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/secretstest"
)

// store is some code under test: it reads a secret through a narrow interface
// over the SDK's client.
type store struct {
	api interface {
		GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
	}
}

// password reads the secret "db", and tries once more when told to slow down.
func (s store) password(ctx context.Context) (string, error) {
	in := &secretsmanager.GetSecretValueInput{SecretId: aws.String("db")}
	out, err := s.api.GetSecretValue(ctx, in)
	if codeOf(err) == "ThrottlingException" {
		out, err = s.api.GetSecretValue(ctx, in)
	}
	if err != nil {
		return "", err
	}
	return *out.SecretString, nil
}

// Example tests some code in five lines.
func Example() {
	ctx, password := context.Background(), token()
	b := secretstest.New()
	_, _ = b.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("db"), SecretString: &password})
	got, err := store{b}.password(ctx)
	fmt.Println(got == password, err)
	fmt.Println(len(b.Calls()), "calls")
	// Output:
	// true <nil>
	// 2 calls
}

// ExampleBackend_RegisterLambda tests some code with a rotation in the middle.
func ExampleBackend_RegisterLambda() {
	const arn = "arn:aws:lambda:us-east-1:123456789012:function:rotate"
	ctx := context.Background()
	b := secretstest.New()
	_, _ = b.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("db"), SecretString: aws.String(token())})
	b.RegisterLambda(arn, func(ctx context.Context, e secretstest.RotationEvent) error {
		fmt.Println(e.Step)
		if e.Step != "finishSecret" {
			return nil
		}
		_, err := b.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
			SecretId: &e.SecretID, ClientRequestToken: &e.ClientRequestToken, RotationToken: &e.RotationToken,
			SecretString: aws.String(token()), VersionStages: []string{"AWSCURRENT"},
		})
		return err
	})

	before, _ := store{b}.password(ctx)
	_, err := b.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: aws.String("db"), RotationLambdaARN: aws.String(arn)})
	after, _ := store{b}.password(ctx)
	fmt.Println("changed:", before != after, err)
	// Output:
	// createSecret
	// setSecret
	// testSecret
	// finishSecret
	// changed: true <nil>
}

func ExampleBackend_Handler() {
	ctx := context.Background()
	b := secretstest.New()
	server := httptest.NewServer(b.Handler())
	defer server.Close()

	// The service under test may as well run in another process, with
	// AWS_ENDPOINT_URL_SECRETS_MANAGER set to server.URL.
	client := secretsmanager.New(secretsmanager.Options{
		BaseEndpoint: aws.String(server.URL),
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", token(), ""),
		HTTPClient:   server.Client(),
	})
	_, err := client.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("prod/app/key"), SecretString: aws.String(token())})
	fmt.Println("created over HTTP:", err == nil)
	_, err = b.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("prod/app/key")})
	fmt.Println("read in process:", err == nil)
	// Output:
	// created over HTTP: true
	// read in process: true
}

// ExampleBackend_Inject tests some code with faults.
func ExampleBackend_Inject() {
	ctx, password := context.Background(), token()
	b := secretstest.New()
	_, _ = b.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("db"), SecretString: &password})
	remove := b.Inject(secretstest.Fault{Operation: "GetSecretValue", Times: 3, Err: secretstest.Throttling()})
	defer remove()

	for range 2 {
		got, err := store{b}.password(ctx)
		fmt.Println(got == password, codeOf(err))
	}
	// Output:
	// false ThrottlingException
	// true
}
