"""What all rules share: their declaration, the reading of resources and IAM documents, controls, exemptions."""
