"""What operators do with AWS credentials. Only this package needs boto3 (the extra `operator`).

It is not named `operator`: tools that build the package run in its folder,
where that name hides the standard library's module.
"""
