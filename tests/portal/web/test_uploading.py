import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from portal.studies.models import Study
from tests.dicom_files import child_chest, png_chest
from tests.portal.web.pages import at, events, prose_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("portal_airlock")]


def send(client, *files, script=False, **fields):
    named = [SimpleUploadedFile(name, content) for name, content in files]
    headers = {"HX-Request": "true"} if script else {}
    return client.post(at("upload"), {"files": named, **fields}, headers=headers)


def verdicts_of(response) -> list[str]:
    found = re.findall(r"<li class=\"verdict.*?</li>", text_of(response), re.S)
    return [" ".join(re.sub(r"<[^>]+>", " ", verdict).split()) for verdict in found]


def test_a_plain_form_answers_for_each_file(uploader, as_, deployed):
    letter = ("letter.pdf", b"%PDF-1.7 Dear colleague")
    response = send(as_(uploader), ("a.dcm", child_chest()), ("b.png", png_chest()), letter)
    assert response.status_code == 200
    dicom, png, pdf = verdicts_of(response)
    assert dicom.startswith("a.dcm Accepted. The AI will read it.")
    assert png.startswith("b.png Accepted.")
    assert pdf.startswith("letter.pdf Refused.")
    assert "What to do Send the radiograph as DICOM Part 10, PNG or JPEG." in pdf
    assert "Code unsupported_type" in pdf
    assert "2 of 3 accepted, 1 refused" in prose_of(response)


def test_a_refusal_names_tag_value_and_remedy(uploader, as_, deployed):
    structured_report = child_chest(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11")
    response = send(as_(uploader), ("sr.dcm", structured_report))
    assert response.status_code == 422
    (verdict,) = verdicts_of(response)
    assert "(0008,0016) SOPClassUID" in verdict
    assert "1.2.840.10008.5.1.4.1.1.88.11" in verdict
    assert "What to do" in verdict
    assert events("upload.refused").count() == 1


def test_the_same_bytes_again_are_said_to_be_here_already(uploader, as_, deployed):
    client = as_(uploader)
    send(client, ("a.dcm", child_chest()))
    (again,) = verdicts_of(send(client, ("copy.dcm", child_chest())))
    assert again.startswith("copy.dcm Already here.")
    assert Study.objects.count() == 1


def test_without_a_live_model_the_upload_says_so(uploader, as_):
    (verdict,) = verdicts_of(send(as_(uploader), ("a.dcm", child_chest())))
    assert "Accepted. No model is live at this site" in verdict
    assert "no_live_model" in verdict


def test_a_script_gets_the_verdicts_alone(uploader, as_, deployed):
    response = send(as_(uploader), ("a.dcm", child_chest()), script=True)
    assert len(verdicts_of(response)) == 1
    assert "<html" not in text_of(response)


def test_a_script_is_told_of_a_refusal_with_200_for_it_is_an_answer(uploader, as_):
    response = send(as_(uploader), ("a.txt", b"text"), script=True)
    assert response.status_code == 200
    assert 'data-status="refused"' in text_of(response)


def test_patient_details_go_with_pictures_and_not_with_dicom(uploader, as_, deployed):
    details = {
        "patient_id": "PNG-1",
        "patient_name": "Doe^Jane",
        "age": "4Y",
        "sex": "F",
        "view": "AP",
    }
    files = ("a.dcm", child_chest(PatientID="DCM-1")), ("b.png", png_chest())
    assert send(as_(uploader), *files, **details).status_code == 200
    assert set(Study.objects.values_list("patient_id", flat=True)) == {"DCM-1", "PNG-1"}
    study = Study.objects.get(patient_id="PNG-1")
    assert (study.patient_name, study.patient_sex) == ("Doe^Jane", "F")
    assert study.series.get().instances.get().facts["age_years"] == 4


def test_details_that_contradict_a_file_refuse_it(uploader, as_, deployed):
    unnamed = ("IM0001", child_chest(PatientID="DCM-1"))
    (verdict,) = verdicts_of(send(as_(uploader), unnamed, patient_id="SOMEBODY-ELSE"))
    assert "patient_mismatch" in verdict
    assert Study.objects.count() == 0


def test_pictures_may_belong_to_one_study(uploader, as_, deployed):
    files = ("a.png", png_chest(seed=1)), ("b.png", png_chest(seed=2))
    send(as_(uploader), *files, together="on")
    assert Study.objects.count() == 1


def test_no_file_is_said_beside_the_field(uploader, as_):
    response = as_(uploader).post(at("upload"), {"patient_id": "P<1>"})
    assert response.status_code == 422
    assert "Choose at least one file" in prose_of(response)
    assert 'value="P&lt;1&gt;"' in text_of(response)


@pytest.mark.parametrize(
    ("field", "value"), [("patient_id", "x" * 65), ("sex", "X"), ("view", "UP"), ("age", "y" * 17)]
)
def test_details_that_cannot_be_used_store_nothing(field, value, uploader, as_, own_data_folder):
    response = send(as_(uploader), ("a.png", png_chest()), **{field: value})
    assert response.status_code == 422
    assert "errorlist" in text_of(response)
    assert Study.objects.count() == 0
    assert list((own_data_folder / "incoming").iterdir()) == []


def test_a_files_name_cannot_break_out_of_the_page(uploader, as_):
    response = send(as_(uploader), ("<img src=x onerror=alert(1)>.dcm", b"text"))
    assert "<img src=x" not in text_of(response)
    assert "&lt;img src=x onerror=alert(1)&gt;.dcm" in text_of(response)


def test_an_upload_that_nobody_can_open_is_told_to_come_again(
    uploader, as_, settings, tmp_path, own_data_folder
):
    settings.OVERREAD_AIRLOCK_SOCKET = str(tmp_path / "nobody")
    response = send(as_(uploader), ("a.dcm", child_chest()))
    assert response.status_code == 503
    assert response["Retry-After"]
    assert "Nothing was lost" in prose_of(response)
    assert list((own_data_folder / "incoming").iterdir()) == []


def test_who_may_not_upload_leaves_nothing_behind(auditor, as_, own_data_folder):
    response = send(as_(auditor), ("a.dcm", child_chest()))
    assert response.status_code == 403
    assert list((own_data_folder / "incoming").iterdir()) == []
