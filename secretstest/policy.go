package secretstest

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go/middleware"
)

// GetResourcePolicy returns a secret's resource policy as it was put.
func (b *Backend) GetResourcePolicy(
	ctx context.Context, in *secretsmanager.GetResourcePolicyInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.GetResourcePolicyOutput, error) {
	return getResourcePolicy.invoke(ctx, b, in)
}

var getResourcePolicy = operation[secretsmanager.GetResourcePolicyInput, secretsmanager.GetResourcePolicyOutput]{
	name:     "GetResourcePolicy",
	check:    func(c *checks, in *secretsmanager.GetResourcePolicyInput) { c.secretID(in.SecretId) },
	subject:  func(in *secretsmanager.GetResourcePolicyInput) Call { return Call{SecretID: aws.ToString(in.SecretId)} },
	metadata: func(out *secretsmanager.GetResourcePolicyOutput) *middleware.Metadata { return &out.ResultMetadata },
	run:      (*request).getResourcePolicy,
}

func (r *request) getResourcePolicy(in *secretsmanager.GetResourcePolicyInput) (*secretsmanager.GetResourcePolicyOutput, error) {
	s, err := r.view(in.SecretId)
	if err != nil {
		return nil, err
	}
	if err := s.usable(); err != nil {
		return nil, err
	}
	return &secretsmanager.GetResourcePolicyOutput{ARN: aws.String(s.arn), Name: aws.String(s.name), ResourcePolicy: present(s.policy)}, nil
}

// PutResourcePolicy gives a secret a resource policy. It is evaluated for
// callers of other accounts.
func (b *Backend) PutResourcePolicy(
	ctx context.Context, in *secretsmanager.PutResourcePolicyInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.PutResourcePolicyOutput, error) {
	return putResourcePolicy.invoke(ctx, b, in)
}

var putResourcePolicy = operation[secretsmanager.PutResourcePolicyInput, secretsmanager.PutResourcePolicyOutput]{
	name: "PutResourcePolicy",
	check: func(c *checks, in *secretsmanager.PutResourcePolicyInput) {
		c.secretID(in.SecretId)
		c.need("ResourcePolicy", in.ResourcePolicy, 1, 20480)
	},
	subject:  func(in *secretsmanager.PutResourcePolicyInput) Call { return Call{SecretID: aws.ToString(in.SecretId)} },
	metadata: func(out *secretsmanager.PutResourcePolicyOutput) *middleware.Metadata { return &out.ResultMetadata },
	run:      (*request).putResourcePolicy,
}

func (r *request) putResourcePolicy(in *secretsmanager.PutResourcePolicyInput) (*secretsmanager.PutResourcePolicyOutput, error) {
	policy, err := parsePolicy(*in.ResourcePolicy)
	if err != nil {
		return nil, err
	}
	if aws.ToBool(in.BlockPublicPolicy) && policy.public() {
		// The code and the words are the service model's, the answer is not recorded.
		return nil, failure("PublicPolicyException",
			"The BlockPublicPolicy parameter is set to true, and the resource policy did not prevent broad access to the secret.")
	}
	s, err := r.setPolicy(in.SecretId, *in.ResourcePolicy)
	if err != nil {
		return nil, err
	}
	return &secretsmanager.PutResourcePolicyOutput{ARN: aws.String(s.arn), Name: aws.String(s.name)}, nil
}

// DeleteResourcePolicy takes a secret's resource policy away.
func (b *Backend) DeleteResourcePolicy(
	ctx context.Context, in *secretsmanager.DeleteResourcePolicyInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.DeleteResourcePolicyOutput, error) {
	return deleteResourcePolicy.invoke(ctx, b, in)
}

var deleteResourcePolicy = operation[secretsmanager.DeleteResourcePolicyInput, secretsmanager.DeleteResourcePolicyOutput]{
	name:  "DeleteResourcePolicy",
	check: func(c *checks, in *secretsmanager.DeleteResourcePolicyInput) { c.secretID(in.SecretId) },
	subject: func(in *secretsmanager.DeleteResourcePolicyInput) Call {
		return Call{SecretID: aws.ToString(in.SecretId)}
	},
	metadata: func(out *secretsmanager.DeleteResourcePolicyOutput) *middleware.Metadata { return &out.ResultMetadata },
	run:      (*request).deleteResourcePolicy,
}

func (r *request) deleteResourcePolicy(in *secretsmanager.DeleteResourcePolicyInput) (*secretsmanager.DeleteResourcePolicyOutput, error) {
	s, err := r.setPolicy(in.SecretId, "")
	if err != nil {
		return nil, err
	}
	return &secretsmanager.DeleteResourcePolicyOutput{ARN: aws.String(s.arn), Name: aws.String(s.name)}, nil
}

func (r *request) setPolicy(id *string, policy string) (*secret, error) {
	s, err := r.writable(id)
	if err != nil {
		return nil, err
	}
	s = s.edit(r.date())
	s.policy = policy
	r.publish(s)
	return s, nil
}

// ValidateResourcePolicy tells whether a policy could be put, and whether it
// keeps the public out.
func (b *Backend) ValidateResourcePolicy(
	ctx context.Context, in *secretsmanager.ValidateResourcePolicyInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.ValidateResourcePolicyOutput, error) {
	return validateResourcePolicy.invoke(ctx, b, in)
}

var validateResourcePolicy = operation[secretsmanager.ValidateResourcePolicyInput, secretsmanager.ValidateResourcePolicyOutput]{
	name: "ValidateResourcePolicy",
	check: func(c *checks, in *secretsmanager.ValidateResourcePolicyInput) {
		if in.SecretId != nil {
			c.secretID(in.SecretId)
		}
		c.need("ResourcePolicy", in.ResourcePolicy, 1, 20480)
	},
	subject: func(in *secretsmanager.ValidateResourcePolicyInput) Call {
		return Call{SecretID: aws.ToString(in.SecretId)}
	},
	metadata: func(out *secretsmanager.ValidateResourcePolicyOutput) *middleware.Metadata {
		return &out.ResultMetadata
	},
	run: (*request).validateResourcePolicy,
}

func (r *request) validateResourcePolicy(in *secretsmanager.ValidateResourcePolicyInput) (*secretsmanager.ValidateResourcePolicyOutput, error) {
	if in.SecretId != nil {
		if _, err := r.view(in.SecretId); err != nil {
			return nil, err
		}
	}
	policy, err := parsePolicy(*in.ResourcePolicy)
	if err != nil {
		return nil, err
	}
	if !policy.public() {
		return &secretsmanager.ValidateResourcePolicyOutput{
			PolicyValidationPassed: true, ValidationErrors: []types.ValidationErrorsEntry{},
		}, nil
	}
	// What the service calls its check, and says, is not recorded.
	return &secretsmanager.ValidateResourcePolicyOutput{ValidationErrors: []types.ValidationErrorsEntry{{
		CheckName:    aws.String("PUBLIC_ACCESS"),
		ErrorMessage: aws.String("The resource policy did not prevent broad access to the secret."),
	}}}, nil
}
