"""The conformance suite of `portage verify`: cases that show whether a deployed stack does what Portage promises."""
