from collections.abc import Sequence

from django import forms

from portal.intake import Described, Received

SEXES = (("", "Not known"), ("F", "Female"), ("M", "Male"), ("O", "Other"))
VIEWS = (
    ("", "Not known"),
    ("PA", "PA (frontal)"),
    ("AP", "AP (frontal)"),
    ("LL", "Lateral"),
)


class DescribedForm(forms.Form):
    """What the uploader knows of the patient of PNG and JPEG files. Everything is optional."""

    patient_id = forms.CharField(label="Patient ID", required=False, max_length=64)
    patient_name = forms.CharField(
        label="Patient name", required=False, max_length=64, help_text="Family name, given name"
    )
    age = forms.CharField(
        label="Age", required=False, max_length=16, help_text="For example 4Y, 18M or 3W"
    )
    sex = forms.ChoiceField(label="Sex", choices=SEXES, required=False)
    view = forms.ChoiceField(label="View", choices=VIEWS, required=False)
    together = forms.BooleanField(label="These pictures belong to one study", required=False)

    def described(self, files: Sequence[Received]) -> list[Described]:
        """Return what goes with each of ``files``: the same for all but those named as DICOM.

        A DICOM file says itself whose it is; beside one that is not named so, what was typed is
        sent along, and intake refuses it if the two disagree.
        """
        data = self.cleaned_data
        one = Described(
            patient_id=data["patient_id"],
            patient_name=data["patient_name"],
            age=data["age"],
            sex=data["sex"],
            view=data["view"],
            group="together" if data["together"] else "",
        )
        return [Described() if _is_named_dicom(file) else one for file in files]


def _is_named_dicom(file: Received) -> bool:
    return file.filename.lower().endswith((".dcm", ".dicom"))
