"""What operators do with AWS credentials. Only this package needs boto3 (the extra `operator`)."""
